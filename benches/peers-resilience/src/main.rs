//! Ours and the peers on the same probes: `cargo run --release` here, or
//! `cargo xtask bench peers-resilience` in the workspace.
//!
//! `probes` shows what each does where calls hang, come late or flood; `timings` what a call costs.

mod breakers;
mod probes;
mod retries;
mod timings;

fn main() {
    // The probes make operations panic on purpose.
    std::panic::set_hook(Box::new(|_| {}));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .expect("a runtime");
    let mut sound = runtime.block_on(probes::run());
    let _ = std::panic::take_hook();
    sound &= retries::run();
    timings::run();
    if !sound {
        println!("\nours failed a probe");
        std::process::exit(1);
    }
}
