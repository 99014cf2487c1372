//! rediss://, with an authority made for the test.

use std::path::Path;
use std::process::{Command, Stdio};

use coord_core::MessageCoordinator;
use coord_redis::{RedisConfig, RedisMessageCoordinator};
use coord_testkit::server::RealServerBuilder;

use crate::harness::{Ran, bare, ran};

#[test]
fn a_server_is_trusted_by_its_authority_only() {
    let name = "a_server_is_trusted_by_its_authority_only";
    let dir = tempfile::tempdir().unwrap();
    if !make_certificates(dir.path(), name) {
        return;
    }
    let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    // The plain port is still there: the testkit looks whether the server answers on it.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = [
        ("--tls-port", port.to_string()),
        ("--tls-cert-file", file("server.pem")),
        ("--tls-key-file", file("server.key")),
        ("--tls-ca-cert-file", file("ca.pem")),
        ("--tls-auth-clients", "no".to_owned()),
    ]
    .into_iter()
    .fold(RealServerBuilder::new(), |server, (name, value)| server.arg(name).arg(value));
    let Some(_server) = server.start_or_ignore(name) else { return };

    let url = format!("rediss://127.0.0.1:{port}");
    let trusted = send(&url, &file("ca.pem"));
    let out = "delivered msg-000001 to w\n".to_owned();
    assert_eq!(trusted, Ran { status: Some(0), out, err: String::new() });

    // The library takes the authority itself, as text.
    let pem = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let connect = |authority: &[u8]| {
        let config = RedisConfig::from_url(&url).unwrap().with_authority(authority).unwrap();
        runtime.block_on(RedisMessageCoordinator::connect(config))
    };
    let mail = connect(&pem("ca.pem")).unwrap();
    let writer = coord_core::AgentId::parse("w").unwrap();
    assert_eq!(runtime.block_on(mail.mailbox_stats(&writer)).unwrap().depth, 1);
    let refused = connect(&pem("other.pem")).unwrap_err();
    assert!(refused.to_string().contains("invalid peer certificate"), "{refused}");
    let plain = RedisConfig::from_url("redis://127.0.0.1").unwrap();
    let refused = plain.with_authority(&pem("ca.pem")).unwrap_err();
    assert!(refused.to_string().contains("rediss://"), "{refused}");

    let other = send(&url, &file("other.pem"));
    assert_eq!((other.status, other.out.as_str()), (Some(1), ""));
    assert!(other.err.contains("invalid peer certificate"), "{}", other.err);
}

fn send(url: &str, authority: &str) -> Ran {
    let mut command = bare();
    command.args(["--redis", url, "send", "w", "--from", "p", "--id", "msg-000001"]);
    command.env("SSL_CERT_FILE", authority).env_remove("SSL_CERT_DIR");
    ran(command.output().unwrap())
}

/// An authority with a server's certificate, and another authority; false (said aloud) on a
/// machine without openssl.
#[expect(clippy::print_stderr, reason = "a test that does not run says so")]
fn make_certificates(dir: &Path, name: &str) -> bool {
    let openssl = |line: &str| {
        let mut command = Command::new("openssl");
        command.args(line.split_whitespace()).current_dir(dir);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().map(|status| assert!(status.success(), "openssl {line}"))
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    let authority = "-x509 -days 2 -addext basicConstraints=critical,CA:TRUE";
    std::fs::write(
        dir.join("extensions"),
        "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n",
    )
    .unwrap();
    let lines = [
        format!("req {key} {authority} -keyout ca.key -out ca.pem -subj /CN=ours"),
        format!("req {key} {authority} -keyout other.key -out other.pem -subj /CN=other"),
        format!("req {key} -keyout server.key -out server.csr -subj /CN=server"),
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
         -extfile extensions -out server.pem"
            .to_owned(),
    ];
    for line in lines {
        if let Err(error) = openssl(&line) {
            eprintln!("ignored: no openssl ({name}): {error}");
            return false;
        }
    }
    true
}
