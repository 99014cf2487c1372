//! Something between clients and a server that sees every command and may change or hold it up.
//!
//! What the server answers passes untouched.

use std::io::{BufRead, BufReader, Read, Result, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// A command with its arguments.
pub(crate) type Command = Vec<Vec<u8>>;

/// What becomes of a command; called on a thread of the client's connection, which may wait.
pub(crate) trait Filter: Fn(Command) -> Command + Send + Sync + 'static {}
impl<F: Fn(Command) -> Command + Send + Sync + 'static> Filter for F {}

/// The port of a new proxy before the server at a port.
///
/// It listens until the process ends: nobody knows when the last test has used the server.
pub(crate) fn start(server: u16, filter: impl Filter) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let filter = Arc::new(filter);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // A server that is down is told by a connection that ends.
            if let Ok(upstream) = TcpStream::connect(("127.0.0.1", server)) {
                join(client, upstream, Arc::clone(&filter)).expect("sockets can be cloned");
            }
        }
    });
    port
}

/// Two threads that pass on what either side says, until one of them goes.
fn join(client: TcpStream, server: TcpStream, filter: Arc<impl Filter>) -> Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut answers, mut hearing) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || {
        let _ended = std::io::copy(&mut answers, &mut hearing);
        let _gone = hearing.shutdown(Shutdown::Both);
    });
    thread::spawn(move || {
        let _ended = pass_on(&mut BufReader::new(client), &server, &*filter);
        let _gone = server.shutdown(Shutdown::Both);
    });
    Ok(())
}

/// Commands from a client to the server.
fn pass_on(
    client: &mut BufReader<TcpStream>,
    mut server: &TcpStream,
    filter: &impl Filter,
) -> Result<()> {
    let mut out = Vec::new();
    loop {
        let command = command(client)?;
        if command.is_empty() {
            return Ok(());
        }
        let command = filter(command);
        out.extend_from_slice(format!("*{}\r\n", command.len()).as_bytes());
        for arg in command {
            out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
            out.extend_from_slice(&arg);
            out.extend_from_slice(b"\r\n");
        }
        // What came together goes together.
        if client.buffer().is_empty() {
            server.write_all(&out)?;
            out.clear();
        }
    }
}

/// The next command; nothing at the end.
fn command(client: &mut BufReader<TcpStream>) -> Result<Command> {
    let mut command = Vec::new();
    let Some(count) = header(client)? else { return Ok(command) };
    for _ in 0..count {
        let length = header(client)?.unwrap_or_default();
        let mut arg = vec![0; length + 2];
        client.read_exact(&mut arg)?;
        arg.truncate(length);
        command.push(arg);
    }
    Ok(command)
}

/// The number in a line like `*3` or `$3`; clients of the tests send nothing else.
fn header(client: &mut BufReader<TcpStream>) -> Result<Option<usize>> {
    let mut line = String::new();
    if client.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let number = line.get(1..).and_then(|digits| digits.trim_end().parse().ok());
    Ok(Some(number.expect("a command as an array")))
}
