//! Hashes, lists, sets and sorted sets of the fake against a real Redis 7.0, reply by reply.

mod events;
mod random;
mod tables;

use coord_testkit::FakeRedis;
use coord_testkit::server::{Frame, RawClient, RealServer};
use tokio::runtime::Runtime;

/// A fake and a real server, both empty, with a connection to each.
struct Pair {
    fake: RawClient,
    real: RawClient,
    fake_port: u16,
    real_port: u16,
    // Both serve as long as the pair lives.
    _fake_server: FakeRedis,
    _runtime: Runtime,
    _real_server: RealServer,
}

impl Pair {
    /// Starts both; `None`, said aloud, where there is no Redis 7.0.
    #[expect(clippy::print_stderr, reason = "a test that does not run says so")]
    fn start(name: &str, resp3: bool) -> Option<Self> {
        let real_server = RealServer::builder().private().start_or_ignore(name)?;
        let mut real = real_server.client().unwrap();
        let Frame::Bulk(info) = real.call(&["INFO", "server"]).unwrap() else {
            panic!("INFO answers with a text");
        };
        if !String::from_utf8_lossy(&info).contains("redis_version:7.0.") {
            eprintln!("ignored: the server is no Redis 7.0 ({name})");
            return None;
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let fake_server = runtime.block_on(FakeRedis::start()).unwrap();
        let (fake_port, real_port) = (fake_server.address().port(), real_server.port());
        let mut fake = RawClient::connect(fake_port).unwrap();
        if resp3 {
            for client in [&mut fake, &mut real] {
                let hello = client.checked(&["HELLO", "3"]).unwrap();
                assert!(matches!(hello, Frame::Map(_)), "{hello:?}");
            }
        }
        Some(Self {
            fake,
            real,
            fake_port,
            real_port,
            _fake_server: fake_server,
            _runtime: runtime,
            _real_server: real_server,
        })
    }

    /// Sends a command to both; the replies, brought into a comparable form.
    fn both(&mut self, mode: Mode, args: &[Vec<u8>]) -> (Frame, Frame) {
        let fake = self.fake.call(args).unwrap();
        let real = self.real.call(args).unwrap();
        (mode.normal(fake), mode.normal(real))
    }
}

/// How two replies are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// As they are.
    Exact,
    /// Without regard to the order of elements, or of pairs where there are pairs.
    Sorted(usize),
    /// Doubles by their value: Redis shows places with more digits than a double has.
    Numbers,
    /// Only kinds and lengths.
    Shape,
}

impl Mode {
    fn normal(self, frame: Frame) -> Frame {
        match self {
            Self::Exact => frame,
            Self::Sorted(width) => sorted(frame, width),
            Self::Numbers => numbers(frame),
            Self::Shape => shape(frame),
        }
    }
}

/// Sorts the elements in groups of `width`; of a scan, those of the inner array.
fn sorted(frame: Frame, width: usize) -> Frame {
    let order = |items: Vec<Frame>| {
        // Pairs that are arrays need no grouping.
        let width = if matches!(items.first(), Some(Frame::Array(_))) { 1 } else { width };
        let mut groups: Vec<_> = items.chunks(width).map(<[Frame]>::to_vec).collect();
        groups.sort();
        groups.concat()
    };
    match frame {
        Frame::Array(items) => match <[Frame; 2]>::try_from(items) {
            Ok([cursor @ Frame::Bulk(_), Frame::Array(found)]) => {
                Frame::Array(vec![cursor, sorted(Frame::Array(found), width)])
            }
            Ok(items) => Frame::Array(order(items.to_vec())),
            Err(items) => Frame::Array(order(items)),
        },
        Frame::Set(items) => Frame::Set(order(items)),
        Frame::Map(mut pairs) => {
            pairs.sort();
            Frame::Map(pairs)
        }
        other => other,
    }
}

fn numbers(frame: Frame) -> Frame {
    match frame {
        Frame::Double(text) => Frame::Double(text.parse::<f64>().unwrap().to_string()),
        Frame::Array(items) => Frame::Array(items.into_iter().map(numbers).collect()),
        other => other,
    }
}

fn shape(frame: Frame) -> Frame {
    let all = |items: Vec<Frame>| items.into_iter().map(shape).collect();
    match frame {
        Frame::Bulk(_) => Frame::Bulk(Vec::new()),
        Frame::Double(_) => Frame::Double(String::new()),
        Frame::Array(items) => Frame::Array(all(items)),
        Frame::Set(items) => Frame::Set(all(items)),
        other => other,
    }
}

/// Splits a line at blanks; double quotes hold an argument together.
fn split(line: &str) -> Vec<Vec<u8>> {
    let mut args = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let (arg, tail) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').expect("the closing quote"),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        args.push(arg.as_bytes().to_vec());
        rest = tail.trim_start();
    }
    args
}
