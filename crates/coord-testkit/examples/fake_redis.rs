//! Runs the fake Redis on free loopback ports until its input ends.
//!
//! `cargo run --example fake_redis` starts one server, `... fake_redis cluster` three nodes and
//! `... fake_redis sentinel` a master, a replica and a sentinel. It prints one URL per listener.

use std::io::Write;

use coord_testkit::FakeRedis;
use tokio::io::AsyncReadExt;

#[tokio::main(flavor = "multi_thread")]
async fn main() -> std::io::Result<()> {
    let server = match std::env::args().nth(1).as_deref() {
        Some("cluster") => FakeRedis::cluster(3).await?,
        Some("sentinel") => FakeRedis::sentinel().await?,
        _ => FakeRedis::start().await?,
    };
    for url in server.node_urls() {
        writeln!(std::io::stdout(), "{url}")?;
    }
    let mut input = Vec::new();
    tokio::io::stdin().read_to_end(&mut input).await?;
    Ok(())
}
