//! Which hash slot of a cluster a key belongs to.

use redis::{Arg, Cmd};

/// How many slots there are.
pub(super) const COUNT: u16 = 16_384;

/// The slot of a key: of its hash tag, if it has one.
pub(super) fn of(key: &[u8]) -> u16 {
    crc16(tag(key)) % COUNT
}

/// The slot of a command's first key; none for one without keys.
pub(super) fn of_command(command: &Cmd) -> Option<u16> {
    let arg = |at: usize| match command.args_iter().nth(at) {
        Some(Arg::Simple(bytes)) => Some(bytes),
        _ => None,
    };
    let key = match arg(0)? {
        b"EVALSHA" | b"EVAL" if arg(2)? == b"0" => return None,
        b"EVALSHA" | b"EVAL" => arg(3),
        b"INFO" | b"TIME" | b"PUBLISH" | b"SCAN" | b"PING" | b"CONFIG" | b"ACL" => return None,
        _ => arg(1),
    };
    key.map(of)
}

/// What is between the first brace and the next closing one, if that is anything.
fn tag(key: &[u8]) -> &[u8] {
    let Some(open) = key.iter().position(|byte| *byte == b'{') else { return key };
    let rest = &key[open + 1..];
    match rest.iter().position(|byte| *byte == b'}') {
        Some(length) if length > 0 => &rest[..length],
        _ => key,
    }
}

/// CRC16 as XMODEM has it: polynomial 0x1021, nothing reflected, starting from zero.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(of(b"foo"), 12_182);
        assert_eq!(of(b"coord:{writer:w1}:ready"), of(b"writer:w1"));
        assert_eq!(of(b"a{}b"), of(b"a{}b"));
        assert_ne!(of(b"a{}b"), of(b""));
        assert_eq!(of(b"{{x}}"), of(b"{x"));
    }

    #[test]
    fn the_first_key_decides() {
        let eval = redis::cmd("EVALSHA").arg("digest").arg(2).arg("foo").arg("bar").take();
        assert_eq!(of_command(&eval), Some(12_182));
        assert_eq!(of_command(redis::cmd("GET").arg("foo")), Some(12_182));
        assert_eq!(of_command(&redis::cmd("TIME")), None);
        assert_eq!(of_command(redis::cmd("EVAL").arg("return 1").arg(0)), None);
    }
}
