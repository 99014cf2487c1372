//! Runs the fake Redis on a free loopback port until its input ends: `cargo run --example fake_redis`.

use std::io::Write;

use coord_testkit::FakeRedis;
use tokio::io::AsyncReadExt;

#[tokio::main(flavor = "multi_thread")]
async fn main() -> std::io::Result<()> {
    let server = FakeRedis::start().await?;
    writeln!(std::io::stdout(), "{}", server.url())?;
    let mut input = Vec::new();
    tokio::io::stdin().read_to_end(&mut input).await?;
    Ok(())
}
