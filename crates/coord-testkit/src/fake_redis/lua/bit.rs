//! The `bit` library: operations on 32-bit integers.

use mlua::{Lua, MultiValue, Table};

use super::args::Args;
use super::number::{bit_integer, c_integer};

/// Builds the library table.
pub(crate) fn library(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    unary(lua, &table, "tobit", |a| a)?;
    unary(lua, &table, "bnot", |a| !a)?;
    unary(lua, &table, "bswap", u32::swap_bytes)?;
    fold(lua, &table, "band", |a, b| a & b)?;
    fold(lua, &table, "bor", |a, b| a | b)?;
    fold(lua, &table, "bxor", |a, b| a ^ b)?;
    shift(lua, &table, "lshift", |a, n| a << n)?;
    shift(lua, &table, "rshift", |a, n| a >> n)?;
    shift(lua, &table, "arshift", |a, n| (a.cast_signed() >> n).cast_unsigned())?;
    shift(lua, &table, "rol", u32::rotate_left)?;
    shift(lua, &table, "ror", u32::rotate_right)?;
    table.raw_set(
        "tohex",
        lua.create_function(|lua, args: MultiValue| tohex(&Args::new(lua, args)))?,
    )?;
    Ok(table)
}

fn operand(args: &Args<'_>, index: usize) -> mlua::Result<u32> {
    args.number(index).map(bit_integer)
}

fn signed(value: u32) -> f64 {
    f64::from(value.cast_signed())
}

fn unary(lua: &Lua, table: &Table, name: &str, apply: fn(u32) -> u32) -> mlua::Result<()> {
    let function = lua.create_function(move |lua, args: MultiValue| {
        operand(&Args::new(lua, args), 1).map(|a| signed(apply(a)))
    })?;
    table.raw_set(name, function)
}

fn fold(lua: &Lua, table: &Table, name: &str, apply: fn(u32, u32) -> u32) -> mlua::Result<()> {
    let function = lua.create_function(move |lua, args: MultiValue| {
        let args = Args::new(lua, args);
        let mut result = operand(&args, 1)?;
        for index in 2..=args.len() {
            result = apply(result, operand(&args, index)?);
        }
        Ok(signed(result))
    })?;
    table.raw_set(name, function)
}

fn shift(lua: &Lua, table: &Table, name: &str, apply: fn(u32, u32) -> u32) -> mlua::Result<()> {
    let function = lua.create_function(move |lua, args: MultiValue| {
        let args = Args::new(lua, args);
        let value = operand(&args, 1)?;
        let count = operand(&args, 2)? & 31;
        Ok(signed(apply(value, count)))
    })?;
    table.raw_set(name, function)
}

/// Hexadecimal text of `n` digits (8 unless given), upper case when negative.
fn tohex(args: &Args<'_>) -> mlua::Result<String> {
    let value = operand(args, 1)?;
    let count = match args.value(2) {
        None => 8,
        Some(_) => c_integer(f64::from(operand(args, 2)?.cast_signed())),
    };
    let upper = count < 0;
    let width = usize::try_from(count.unsigned_abs().min(8)).unwrap_or(8);
    let text = if upper { format!("{value:08X}") } else { format!("{value:08x}") };
    Ok(text[8 - width..].to_owned())
}
