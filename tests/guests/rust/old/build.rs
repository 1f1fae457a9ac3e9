//! The SDK of that time does not say which module its imports are from: the linker is told to take what it does not know
//! for imports from `env`, as it did by itself then.

fn main() {
    println!("cargo:rustc-cdylib-link-arg=--allow-undefined");
}
