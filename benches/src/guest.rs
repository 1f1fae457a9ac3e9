//! Filters that mean harm, each in its own way, and one that holds bodies back: modules of one function each.
//!
//! Written by hand rather than compiled: they must do just this, and no compiler takes it away.

use wasm_encoder::{
    BlockType, CodeSection, ExportKind, ExportSection, Function, FunctionSection, InstructionSink, MemorySection,
    MemoryType, Module, TypeSection, ValType,
};

/// 64 KiB each, as WebAssembly counts them: four at a time.
const HOARDED: i32 = 4;
const PAGE_BYTES: i32 = 65_536;
/// What a `memory.grow` answers that was refused.
const REFUSED: i32 = -1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guest {
    /// Every request ends in an `unreachable`.
    Trap,
    /// Every request is an endless loop.
    Spin,
    /// Every request takes memory and writes to all of it until it gets no more, and then fails.
    Hoard,
    /// Response bodies are held back until they are whole.
    Hold,
}

impl Guest {
    pub const HOSTILE: [Self; 3] = [Self::Trap, Self::Spin, Self::Hoard];

    pub fn word(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::Spin => "spin",
            Self::Hoard => "hoard",
            Self::Hold => "hold",
        }
    }

    /// The module.
    pub fn module(self) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        types.ty().function([ValType::I32], [ValType::I32]);
        types.ty().function([ValType::I32; 3], [ValType::I32]);
        let mut functions = FunctionSection::new();
        functions.function(0).function(1).function(2);
        let mut memories = MemorySection::new();
        memories.memory(MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None });
        let callback = if self == Self::Hold { "proxy_on_response_body" } else { "proxy_on_request_headers" };
        let mut exports = ExportSection::new();
        exports.export("memory", ExportKind::Memory, 0);
        exports.export("proxy_abi_version_0_2_1", ExportKind::Func, 0);
        exports.export("malloc", ExportKind::Func, 1);
        exports.export(callback, ExportKind::Func, 2);
        let mut code = CodeSection::new();
        code.function(&function(&[], |body| _ = body));
        code.function(&function(&[], |body| _ = body.i32_const(1_024)));
        code.function(&function(&[(1, ValType::I32)], |body| self.callback(body)));
        let mut module = Module::new();
        module.section(&types).section(&functions).section(&memories).section(&exports).section(&code);
        module.finish()
    }

    fn callback(self, body: &mut InstructionSink<'_>) {
        match self {
            Self::Trap => body.unreachable(),
            Self::Spin => body.loop_(BlockType::Empty).br(0).end().i32_const(0),
            Self::Hoard => hoard(body),
            // 1 holds, 0 lets go; the third parameter tells the end.
            Self::Hold => body.local_get(2).i32_eqz(),
        };
    }
}

fn function(locals: &[(u32, ValType)], write: impl FnOnce(&mut InstructionSink<'_>)) -> Function {
    let mut function = Function::new(locals.iter().copied());
    let mut body = function.instructions();
    write(&mut body);
    body.end();
    function
}

/// Local 3 is the last growth's answer: where the new pages begin.
fn hoard<'a, 'b>(body: &'a mut InstructionSink<'b>) -> &'a mut InstructionSink<'b> {
    body.loop_(BlockType::Empty);
    body.i32_const(HOARDED).memory_grow(0).local_tee(3).i32_const(REFUSED).i32_eq();
    body.if_(BlockType::Empty).unreachable().end();
    body.local_get(3).i32_const(PAGE_BYTES).i32_mul().i32_const(1).i32_const(HOARDED * PAGE_BYTES).memory_fill(0);
    body.br(0).end().unreachable()
}
