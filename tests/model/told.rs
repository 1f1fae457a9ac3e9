//! What the node says it did: its member of `Cache-Status`, taken apart.

use support::Response;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) hit: bool,
    /// Why it asked the origin.
    pub(crate) forward: Option<String>,
    pub(crate) forward_status: Option<String>,
    pub(crate) ttl: Option<i64>,
    pub(crate) stored: bool,
    pub(crate) collapsed: bool,
    pub(crate) detail: Option<String>,
}

impl Told {
    /// Fails the test where there is no such field.
    pub(crate) fn by(response: &Response) -> Self {
        let members = response.headers("cache-status");
        let [member] = members[..] else { panic!("one Cache-Status, not {members:?}") };
        let mut told = Self::default();
        for parameter in member.split("; ").skip(1) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = value.to_owned();
            match name {
                "hit" => told.hit = true,
                "fwd" => told.forward = Some(value),
                "fwd-status" => told.forward_status = Some(value),
                "ttl" => told.ttl = value.parse().ok(),
                "stored" => told.stored = true,
                "collapsed" => told.collapsed = true,
                "detail" => told.detail = Some(value),
                _ => panic!("an unknown parameter in {member:?}"),
            }
        }
        told
    }

    pub(crate) fn says(&self, detail: &str) -> bool {
        self.detail.as_deref() == Some(detail)
    }
}
