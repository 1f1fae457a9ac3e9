//! What a guest is once it has been configured: its memory and its globals, as every exchange is to find them.
//!
//! Taken when a filter is loaded, and after callbacks of its own that changed it; shared by all of its instances.

use std::io;
use std::sync::Arc;

use wasmtime::Val;

use super::tracking::Sealed;

pub(in crate::filter) struct Image {
    memory: Arc<Sealed>,
    pub(in crate::filter) globals: Box<[Number]>,
}

impl Image {
    /// An image of `memory`, which is not empty, and `globals`.
    pub(in crate::filter) fn take(memory: &[u8], globals: Box<[Number]>) -> io::Result<Self> {
        Ok(Self { memory: Arc::new(Sealed::take(memory)?), globals })
    }

    pub(in crate::filter) fn memory(&self) -> &[u8] {
        self.memory.bytes()
    }

    /// The memory, for those who map it.
    pub(in crate::filter) fn sealed(&self) -> &Arc<Sealed> {
        &self.memory
    }
}

/// The value of a global, bit for bit: a NaN equals itself, and -0 is not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::filter) enum Number {
    I32(i32),
    I64(i64),
    F32(u32),
    F64(u64),
    V128(u128),
}

impl Number {
    /// `None` for a reference.
    pub(in crate::filter) fn of(value: Val) -> Option<Self> {
        Some(match value {
            Val::I32(value) => Self::I32(value),
            Val::I64(value) => Self::I64(value),
            Val::F32(bits) => Self::F32(bits),
            Val::F64(bits) => Self::F64(bits),
            Val::V128(bits) => Self::V128(bits.as_u128()),
            _ => return None,
        })
    }

    /// Its type and its bits, as `named` reads them.
    pub(in crate::filter) fn word(self) -> String {
        match self {
            Self::I32(value) => format!("i32:{value}"),
            Self::I64(value) => format!("i64:{value}"),
            Self::F32(bits) => format!("f32:{bits}"),
            Self::F64(bits) => format!("f64:{bits}"),
            Self::V128(bits) => format!("v128:{bits}"),
        }
    }

    pub(in crate::filter) fn named(word: &str) -> Option<Self> {
        let (kind, bits) = word.split_once(':')?;
        Some(match kind {
            "i32" => Self::I32(bits.parse().ok()?),
            "i64" => Self::I64(bits.parse().ok()?),
            "f32" => Self::F32(bits.parse().ok()?),
            "f64" => Self::F64(bits.parse().ok()?),
            "v128" => Self::V128(bits.parse().ok()?),
            _ => return None,
        })
    }

    pub(in crate::filter) fn value(self) -> Val {
        match self {
            Self::I32(value) => Val::I32(value),
            Self::I64(value) => Val::I64(value),
            Self::F32(bits) => Val::F32(bits),
            Self::F64(bits) => Val::F64(bits),
            Self::V128(bits) => Val::V128(bits.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_bits() {
        let values = [
            Val::I32(-1),
            Val::I64(i64::MIN),
            Val::F32(f32::NAN.to_bits() | 1),
            Val::F64((-0.0_f64).to_bits()),
            Val::V128(u128::MAX.into()),
        ];
        for value in values {
            let number = Number::of(value).unwrap();
            assert_eq!(Number::of(number.value()), Some(number));
        }
        assert_eq!(Number::of(Val::FuncRef(None)), None);
    }
}
