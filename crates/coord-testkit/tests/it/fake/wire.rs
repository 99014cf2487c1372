//! A connection as bytes, to see exactly what the server says.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use coord_testkit::FakeRedis;

/// Default of [`Wire::patience`]: for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A raw connection through the in-process entrance.
pub(crate) struct Wire {
    stream: DuplexStream,
    /// How long it waits for bytes that must come.
    pub(crate) patience: Duration,
}

impl Wire {
    pub(crate) fn to(server: &FakeRedis) -> Self {
        Self { stream: server.duplex(), patience: PATIENCE }
    }

    /// Sends bytes as they are.
    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("the server reads");
    }

    /// Sends a line of words as a multibulk request.
    pub(crate) async fn send(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.send_raw(request.as_bytes()).await;
    }

    /// Expects exactly these bytes next (`|` stands for the end of a line, `||` for a `|`).
    pub(crate) async fn expect(&mut self, text: &str) {
        let wanted = text.replace("||", "\0").replace('|', "\r\n").replace('\0', "|");
        let mut got = vec![0; wanted.len()];
        let mut filled = 0;
        while filled < got.len() {
            let read =
                tokio::time::timeout(self.patience, self.stream.read(&mut got[filled..])).await;
            let count = read
                .unwrap_or_else(|_| {
                    panic!(
                        "waited for {wanted:?}, got {:?}",
                        String::from_utf8_lossy(&got[..filled])
                    )
                })
                .expect("readable");
            assert!(
                count > 0,
                "closed after {:?}, wanted {wanted:?}",
                String::from_utf8_lossy(&got[..filled])
            );
            filled += count;
            assert_eq!(
                String::from_utf8_lossy(&got[..filled]),
                String::from_utf8_lossy(&wanted.as_bytes()[..filled])
            );
        }
    }

    /// Sends a line and expects its reply.
    pub(crate) async fn ask(&mut self, line: &str, reply: &str) {
        self.send(line).await;
        self.expect(reply).await;
    }

    /// Sends a line and returns the one line of its reply.
    pub(crate) async fn line(&mut self, line: &str) -> String {
        self.send(line).await;
        self.next_line().await
    }

    /// The next line that the server sends.
    pub(crate) async fn next_line(&mut self) -> String {
        let mut got = Vec::new();
        while !got.ends_with(b"\r\n") {
            let byte = tokio::time::timeout(self.patience, self.stream.read_u8()).await;
            got.push(byte.expect("the server answers").expect("readable"));
        }
        String::from_utf8_lossy(&got).trim_end().to_owned()
    }

    /// The next bytes that the server sends.
    pub(crate) async fn take(&mut self, count: usize) -> Vec<u8> {
        let mut got = vec![0; count];
        let read = tokio::time::timeout(self.patience, self.stream.read_exact(&mut got)).await;
        read.expect("the server sends so much").expect("readable");
        got
    }

    /// Expects that the server closes the connection without another byte.
    pub(crate) async fn expect_end(&mut self) {
        let mut rest = Vec::new();
        let read = tokio::time::timeout(self.patience, self.stream.read_to_end(&mut rest)).await;
        read.expect("the server closes").expect("readable");
        assert_eq!(String::from_utf8_lossy(&rest), "");
    }

    /// Everything up to the end of the connection.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let read = tokio::time::timeout(self.patience, self.stream.read_to_end(&mut rest)).await;
        read.expect("the server closes").expect("readable");
        rest
    }
}

/// Lets the server go on until `done` holds; it must come to it without time passing.
pub(crate) async fn settle(mut done: impl FnMut() -> bool) {
    for _ in 0..100_000 {
        if done() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the server never came to it");
}
