//! What an exchange carries from its request to its response.

use std::any::Any;

pub(crate) type Memo = Box<dyn Any>;
