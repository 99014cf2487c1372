//! A plain blocking RESP client that shows replies exactly as they were sent.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::ServerError;

/// Default of [`RawClient::read_timeout`]: says nothing about how fast a server is to be.
const READ_WITHIN: Duration = Duration::from_secs(60);

/// One reply or push as it came over the wire, RESP2 or RESP3.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Frame {
    /// `+text`
    Simple(String),
    /// `-CODE text`
    Error(String),
    /// `:n`
    Integer(i64),
    /// `$len`
    Bulk(Vec<u8>),
    /// `$-1`
    NullBulk,
    /// `*-1`
    NullArray,
    /// `_`
    Null,
    /// `*n`
    Array(Vec<Self>),
    /// `%n`
    Map(Vec<(Self, Self)>),
    /// `~n`
    Set(Vec<Self>),
    /// `>n`
    Push(Vec<Self>),
    /// `,number`, as text
    Double(String),
    /// `#t` or `#f`
    Bool(bool),
    /// `(digits`
    BigNumber(String),
    /// `=len` with the three-letter format
    Verbatim(Vec<u8>),
}

/// A blocking connection for set-up and for byte-exact comparisons.
///
/// Reads give up after a minute, see [`RawClient::read_timeout`].
#[derive(Debug)]
pub struct RawClient {
    stream: BufReader<TcpStream>,
}

impl RawClient {
    /// Connects to a port on the loopback interface.
    ///
    /// # Errors
    /// [`ServerError::Io`].
    pub fn connect(port: u16) -> Result<Self, ServerError> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(READ_WITHIN))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sets how long [`read`](Self::read) waits.
    ///
    /// # Errors
    /// [`ServerError::Io`], also for a zero duration.
    pub fn read_timeout(&mut self, timeout: Duration) -> Result<(), ServerError> {
        Ok(self.stream.get_ref().set_read_timeout(Some(timeout))?)
    }

    /// Writes one command without waiting for its reply.
    ///
    /// # Errors
    /// [`ServerError::Io`].
    pub fn send<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Result<(), ServerError> {
        let mut out = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args.iter().map(AsRef::as_ref) {
            out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
            out.extend_from_slice(arg);
            out.extend_from_slice(b"\r\n");
        }
        Ok(self.stream.get_mut().write_all(&out)?)
    }

    /// Reads the next reply or push.
    ///
    /// # Errors
    /// [`ServerError::Io`], also when the bytes are no RESP.
    pub fn read(&mut self) -> Result<Frame, ServerError> {
        Ok(self.frame()?)
    }

    /// Sends one command and reads one reply; error replies are frames.
    ///
    /// # Errors
    /// [`ServerError::Io`].
    pub fn call<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Result<Frame, ServerError> {
        self.send(args)?;
        self.read()
    }

    /// As [`call`](Self::call), with error replies as errors.
    ///
    /// # Errors
    /// [`ServerError::Io`] or [`ServerError::Reply`].
    pub fn checked<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Result<Frame, ServerError> {
        match self.call(args)? {
            Frame::Error(message) => Err(ServerError::Reply { message }),
            frame => Ok(frame),
        }
    }

    /// Whether a reply, or the end of the connection, is there to be read.
    ///
    /// Waits at most a millisecond.
    pub fn has_reply(&mut self) -> bool {
        let stream = self.stream.get_ref();
        let usual = stream.read_timeout().unwrap_or_default();
        if stream.set_read_timeout(Some(Duration::from_millis(1))).is_err() {
            return true;
        }
        let waiting = match self.stream.fill_buf() {
            Ok(_) => true,
            Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        };
        // Set once before with success; it cannot fail on an open socket.
        let _ = self.stream.get_ref().set_read_timeout(usual);
        waiting
    }

    fn frame(&mut self) -> Result<Frame, Error> {
        let line = self.line()?;
        let (kind, rest) = line.split_at_checked(1).ok_or_else(|| malformed(&line))?;
        let number = || rest.parse::<i64>().map_err(|_| malformed(&line));
        let count = || usize::try_from(number()?).map_err(|_| malformed(&line));
        Ok(match kind {
            "+" => Frame::Simple(rest.to_owned()),
            "-" => Frame::Error(rest.to_owned()),
            ":" => Frame::Integer(number()?),
            "," => Frame::Double(rest.to_owned()),
            "(" => Frame::BigNumber(rest.to_owned()),
            "_" => Frame::Null,
            "#" => Frame::Bool(rest == "t"),
            "$" if rest == "-1" => Frame::NullBulk,
            "*" if rest == "-1" => Frame::NullArray,
            "$" => Frame::Bulk(self.body(count()?)?),
            "=" => Frame::Verbatim(self.body(count()?)?),
            "*" => Frame::Array(self.frames(count()?)?),
            "~" => Frame::Set(self.frames(count()?)?),
            ">" => Frame::Push(self.frames(count()?)?),
            "%" => {
                let pairs = count()?;
                let mut map = Vec::new();
                for _ in 0..pairs {
                    map.push((self.frame()?, self.frame()?));
                }
                Frame::Map(map)
            }
            _ => return Err(malformed(&line)),
        })
    }

    fn frames(&mut self, count: usize) -> Result<Vec<Frame>, Error> {
        (0..count).map(|_| self.frame()).collect()
    }

    fn line(&mut self) -> Result<String, Error> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line)?;
        match line.strip_suffix(b"\r\n") {
            Some(text) => Ok(String::from_utf8_lossy(text).into_owned()),
            None => Err(ErrorKind::UnexpectedEof.into()),
        }
    }

    fn body(&mut self, length: usize) -> Result<Vec<u8>, Error> {
        let mut body = vec![0; length + 2];
        self.stream.read_exact(&mut body)?;
        body.truncate(length);
        Ok(body)
    }
}

fn malformed(line: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("not a RESP header: {line:?}"))
}
