//! The tidy tests.
