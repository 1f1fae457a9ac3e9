//! What a trace says, line by line: docs/filter-traces.md in types.
//!
//! Plain data. `recorder` writes it, `reading` reads it, `rerun` makes it again.

use serde::{Deserialize, Serialize};

use super::octets::Octets;

/// The format that this version writes, and the only one it reads.
pub(in crate::filter) const FORMAT: u32 = 1;

/// The callback that hands over an answer: to the plugin's context, and without saying that the exchange goes on.
pub(in crate::filter) const CALL_RESPONSE: &str = "proxy_on_http_call_response";

/// One line of a trace: an object with one key.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::filter) enum Line {
    /// The first.
    Trace(Title),
    Filter(FilterFacts),
    Image(Picture),
    Exchange(Exchange),
    /// The last.
    End(End),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::filter) struct Title {
    pub(in crate::filter) format: u32,
    pub(in crate::filter) filter: String,
    pub(in crate::filter) node: String,
    /// Nanoseconds since the Unix epoch.
    pub(in crate::filter) began: u64,
}

/// One build of the filter with its settings: what its instances are made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::filter) struct FilterFacts {
    /// By which other lines name it.
    pub(in crate::filter) number: u32,
    /// The module's digest.
    pub(in crate::filter) sha256: String,
    pub(in crate::filter) vm: String,
    pub(in crate::filter) settings: String,
    #[serde(default)]
    pub(in crate::filter) vm_settings: String,
    #[serde(default)]
    pub(in crate::filter) root_id: String,
    pub(in crate::filter) memory_bytes_max: u64,
    pub(in crate::filter) table_elements_max: u64,
    pub(in crate::filter) log_bytes_max: u64,
    pub(in crate::filter) header_count_max: usize,
    pub(in crate::filter) header_bytes_max: usize,
    pub(in crate::filter) body_buffer_max: usize,
}

/// What every exchange found in the guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::filter) struct Picture {
    pub(in crate::filter) number: u32,
    /// Of the memory.
    pub(in crate::filter) bytes: u64,
    /// The memory, as zlib writes it, in base64.
    pub(in crate::filter) memory: String,
    /// As `i32:1`, floats by their bits.
    pub(in crate::filter) globals: Vec<String>,
}

/// One exchange's way through one guest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::filter) struct Exchange {
    pub(in crate::filter) filter: u32,
    pub(in crate::filter) image: u32,
    pub(in crate::filter) context: u32,
    /// When it came to the filter, in nanoseconds since the Unix epoch.
    pub(in crate::filter) at: u64,
    pub(in crate::filter) steps: Vec<Step>,
    /// XXH3 of memory and globals after the last callback; none where it broke off before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::filter) memory: Option<String>,
}

/// One visit to the guest: what was lent to it, what it did with it, and what followed from that.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::filter) struct Step {
    pub(in crate::filter) moment: Moment,
    /// Whether nothing comes behind what is lent.
    pub(in crate::filter) end: bool,
    #[serde(default, skip_serializing_if = "Standing::is_under_way")]
    pub(in crate::filter) standing: Standing,
    pub(in crate::filter) lent: Scene,
    pub(in crate::filter) callbacks: Vec<Called>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::filter) verdict: Option<Ruling>,
    /// What is no longer as it was lent.
    #[serde(default)]
    pub(in crate::filter) left: Scene,
}

impl Step {
    /// Whether it brings the answer to a call.
    pub(in crate::filter) fn answers(&self) -> bool {
        self.callbacks.iter().any(|called| called.name == CALL_RESPONSE)
    }

    /// Whether it ends the context, or has it wait for its calls.
    pub(in crate::filter) fn ends(&self) -> bool {
        matches!(self.moment, Moment::Log | Moment::Done) && !self.answers()
    }
}

/// Which part of its exchange a step is in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::filter) enum Moment {
    #[default]
    Root,
    Request,
    Response,
    Log,
    Done,
}

/// Where the exchange is when the answer to a call comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::filter) enum Standing {
    /// Where it was, or in a step that is no answer.
    #[default]
    UnderWay,
    Gone,
    Lingering,
}

impl Standing {
    fn is_under_way(&self) -> bool {
        *self == Self::UnderWay
    }
}

/// The messages of an exchange as a guest finds or leaves them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::filter) struct Scene {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::filter) request: Option<Head>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::filter) response: Option<Head>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::filter) body: Option<Octets>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::filter) trailers: Option<Head>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::filter) stream: Option<StreamFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::filter) notes: Option<NotesFacts>,
}

/// A header section, pseudo headers among it.
pub(in crate::filter) type Head = Vec<(String, Octets)>;

/// What stays the same all through an exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::filter) struct StreamFacts {
    pub(in crate::filter) connection_id: u64,
    pub(in crate::filter) source: String,
    pub(in crate::filter) destination: String,
    pub(in crate::filter) request_id: String,
    pub(in crate::filter) route: String,
    pub(in crate::filter) origin: String,
    /// As `at` names it.
    pub(in crate::filter) side: String,
    pub(in crate::filter) started: u64,
    pub(in crate::filter) version: String,
}

/// What the filters of an exchange have left on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::filter) struct NotesFacts {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::filter) status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::filter) details: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::filter) origin: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::filter) properties: Vec<(Octets, Octets)>,
}

/// A callback of the guest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::filter) struct Called {
    pub(in crate::filter) name: String,
    pub(in crate::filter) arguments: Vec<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::filter) calls: Vec<Call>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::filter) returned: Option<u32>,
    /// Why it did not return.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::filter) failed: Option<String>,
}

/// A call of the guest to the host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::filter) struct Call {
    pub(in crate::filter) name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::filter) numbers: Vec<u64>,
    /// What its pointers point to; null where they point nowhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::filter) texts: Vec<Option<Octets>>,
    /// None for a call that answers nothing, or that ended the guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::filter) status: Option<u32>,
    /// What was written to the guest, where the status is that all is well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::filter) answers: Vec<Answer>,
}

/// What one out parameter was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::filter) enum Answer {
    Text(Octets),
    Number(u64),
    /// The guest did not want it.
    Unwanted,
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::filter) enum Ruling {
    Continue,
    Pause,
    Reply {
        status: u16,
        headers: Head,
        body: Octets,
        details: String,
    },
    Close,
    /// A context that outlived its exchange may go.
    Done,
    Fail(String),
}

/// Why a recording ended, and what is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::filter) struct End {
    pub(in crate::filter) reason: Reason,
    pub(in crate::filter) exchanges: u64,
    /// More than one exchange may hold of a trace.
    pub(in crate::filter) too_large: u64,
    /// Over while nobody took what was recorded before.
    pub(in crate::filter) too_fast: u64,
    /// XXH3 of all lines before this one, in hexadecimal.
    pub(in crate::filter) xxh3: String,
}

/// Which bound ended a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::filter) enum Reason {
    Exchanges,
    Seconds,
    Bytes,
}
