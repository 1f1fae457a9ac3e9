//! What a module is made of, read from its sections without running or compiling it.
//!
//! For `inspector`; a module that cannot be read has no makeup, and its compilation says why.

use wasmparser::{Parser, Payload};

const PAGE_BYTES: u64 = 65_536;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Makeup {
    /// What its own memory begins with.
    pub(super) memory_bytes: Option<u64>,
    /// How far the module itself lets it grow; `None` where it sets no bound.
    pub(super) memory_bytes_max: Option<u64>,
    /// Of all its tables.
    pub(super) table_elements: u64,
    pub(super) functions: u64,
    pub(super) mutable_globals: u64,
    /// Whether a backtrace can name functions.
    pub(super) names: bool,
}

impl Makeup {
    pub(super) fn of(module: &[u8]) -> wasmparser::Result<Self> {
        let mut makeup = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            makeup.take(payload?)?;
        }
        Ok(makeup)
    }

    fn take(&mut self, payload: Payload<'_>) -> wasmparser::Result<()> {
        match payload {
            Payload::MemorySection(memories) => {
                for memory in memories {
                    let memory = memory?;
                    let bytes = |pages: u64| pages.saturating_mul(PAGE_BYTES);
                    self.memory_bytes = Some(bytes(memory.initial));
                    self.memory_bytes_max = memory.maximum.map(bytes);
                }
            }
            Payload::TableSection(tables) => {
                for table in tables {
                    self.table_elements = self.table_elements.saturating_add(table?.ty.initial);
                }
            }
            Payload::GlobalSection(globals) => {
                for global in globals {
                    self.mutable_globals += u64::from(global?.ty.mutable);
                }
            }
            Payload::FunctionSection(functions) => self.functions = u64::from(functions.count()),
            Payload::CustomSection(section) if section.name() == "name" => self.names = true,
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_counted() {
        let module = wat::parse_str(
            "(module $named (memory 2 5) (table 7 funcref) (global (mut i32) (i32.const 0)) (global i32 (i32.const 0))
               (func $one) (func $two))",
        );
        let makeup = Makeup::of(&module.unwrap()).unwrap();
        let expected = Makeup {
            memory_bytes: Some(2 * PAGE_BYTES),
            memory_bytes_max: Some(5 * PAGE_BYTES),
            table_elements: 7,
            functions: 2,
            mutable_globals: 1,
            names: true,
        };
        assert_eq!(makeup, expected);
        assert_eq!(Makeup::of(&wat::parse_str("(module)").unwrap()).unwrap(), Makeup::default());
        assert!(Makeup::of(b"no module").is_err());
    }
}
