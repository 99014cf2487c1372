//! Scripts on the fake server, compared with what Redis 7.0.15 answers.

use coord_testkit::FakeRedis;
use coord_testkit::server::RealServer;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::lua_cases::{Case, recorded, shown, shown_request};

/// A connection that reads replies as raw bytes.
pub(crate) struct Raw {
    stream: BufReader<TcpStream>,
}

impl Raw {
    pub(crate) async fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("the server listens");
        Self { stream: BufReader::new(stream) }
    }

    pub(crate) async fn send<A: AsRef<[u8]>>(&mut self, request: &[A]) {
        let mut bytes = format!("*{}\r\n", request.len()).into_bytes();
        for arg in request {
            let arg = arg.as_ref();
            bytes.extend(format!("${}\r\n", arg.len()).bytes());
            bytes.extend(arg);
            bytes.extend(b"\r\n");
        }
        self.stream.get_mut().write_all(&bytes).await.expect("the connection is open");
    }

    /// One whole reply.
    pub(crate) async fn reply(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut left = 1_usize;
        while left > 0 {
            left -= 1;
            let start = out.len();
            let read =
                self.stream.read_until(b'\n', &mut out).await.expect("the connection is open");
            assert!(read > 0, "the server closed the connection");
            let line = std::str::from_utf8(&out[start + 1..out.len() - 2]).unwrap_or_default();
            let count = line.parse::<usize>().unwrap_or(0);
            match out[start] {
                b'$' | b'=' if line != "-1" => {
                    let body = out.len();
                    out.resize(body + count + 2, 0);
                    self.stream.read_exact(&mut out[body..]).await.expect("the connection is open");
                }
                b'*' | b'~' | b'>' if line != "-1" => left += count,
                b'%' => left += 2 * count,
                _ => {}
            }
        }
        out
    }

    pub(crate) async fn ask<A: AsRef<[u8]>>(&mut self, request: &[A]) -> Vec<u8> {
        self.send(request).await;
        self.reply().await
    }
}

/// Plays the cases and returns the differences.
async fn play(port: u16, cases: &[Case]) -> Vec<String> {
    let mut differences = Vec::new();
    for case in cases {
        let mut connection = Raw::connect(port).await;
        for flush in [&["FLUSHALL"][..], &["SCRIPT", "FLUSH"], &["FUNCTION", "FLUSH"]] {
            connection.ask(flush).await;
        }
        for step in &case.steps {
            let reply = connection.ask(&step.request).await;
            let Some(expected) = &step.reply else { continue };
            if reply != *expected {
                differences.push(format!(
                    "fixture line {}: {}\n  real {}\n  here {}",
                    case.line,
                    shown_request(&step.request),
                    shown(expected),
                    shown(&reply)
                ));
                break;
            }
        }
    }
    differences
}

#[tokio::test]
async fn answers_as_recorded_from_redis() {
    let server = lenient().await;
    let cases = recorded();
    assert!(cases.len() >= 280, "the fixture holds {} cases", cases.len());
    let differences = play(server.address().port(), &cases).await;
    assert!(
        differences.is_empty(),
        "{} of {} cases differ:\n{}",
        differences.len(),
        cases.len(),
        differences.join("\n")
    );
}

/// A fake server whose scripts may use any key.
pub(crate) async fn lenient() -> FakeRedis {
    FakeRedis::builder().lenient().start().await.expect("a loopback port")
}

/// The fixture still is what the real server says, where one is installed.
#[tokio::test]
async fn the_recording_is_what_redis_answers() {
    let Some(server) = RealServer::start_or_ignore("the_recording_is_what_redis_answers") else {
        return;
    };
    let info = Raw::connect(server.port()).await.ask(&["INFO", "server"]).await;
    if !String::from_utf8_lossy(&info).contains("redis_version:7.0.15") {
        eprintln!("the_recording_is_what_redis_answers: skipped, the server is not Redis 7.0.15");
        return;
    }
    // Real servers list the functions of a library in no certain order and
    // compress a dump; every case is written so that neither matters.
    let differences = play(server.port(), &recorded()).await;
    assert!(differences.is_empty(), "the recording is stale:\n{}", differences.join("\n"));
}
