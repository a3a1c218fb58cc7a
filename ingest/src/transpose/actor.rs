//! Who really did it: one text out of the several that a record has for its principal.

use crate::schema::{NodeId, Schema};

/// Where to look, best first. A role session says the role; a service says its name.
const CANDIDATES: [&str; 7] = [
    "userIdentity.sessionContext.sessionIssuer.arn",
    "userIdentity.arn",
    "userIdentity.invokedBy",
    "userIdentity.userName",
    "userIdentity.principalId",
    "userIdentity.accountId",
    // Aggregated records say no more than this.
    "accountId",
];

/// Finds the actor of one record while its members pass by.
#[derive(Debug)]
pub(super) struct Actor {
    /// By node: its place among the candidates, or as many as there are for the other members.
    ranks: Vec<usize>,
    best: usize,
    text: Vec<u8>,
}

impl Actor {
    pub(super) fn new(schema: &Schema) -> Self {
        let rank = |path: &str| CANDIDATES.iter().position(|c| *c == path).unwrap_or(CANDIDATES.len());
        let ranks = schema.nodes.iter().map(|node| rank(node.path)).collect();
        Self { ranks, best: CANDIDATES.len(), text: Vec::new() }
    }

    /// Looks at one text of the record; an empty one names nobody.
    pub(super) fn see(&mut self, node: NodeId, text: &[u8]) {
        let rank = self.ranks[usize::from(node)];
        if rank < self.best && !text.is_empty() {
            self.best = rank;
            self.text.clear();
            self.text.extend_from_slice(text);
        }
    }

    /// The actor of the record that passed; the next one begins.
    pub(super) fn take(&mut self) -> Option<&[u8]> {
        let found = self.best < CANDIDATES.len();
        self.best = CANDIDATES.len();
        found.then_some(self.text.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::SCHEMA;

    fn check(members: &[(&str, &str)], expected: Option<&str>) {
        let mut actor = Actor::new(&SCHEMA);
        for (path, text) in members {
            actor.see(SCHEMA.find(path).unwrap(), text.as_bytes());
        }
        assert_eq!(actor.take(), expected.map(str::as_bytes));
        assert_eq!(actor.take(), None);
    }

    #[test]
    fn every_candidate_is_a_member() {
        assert!(CANDIDATES.iter().all(|path| SCHEMA.find(path).is_some()));
    }

    #[test]
    fn the_best_text_that_is_not_empty_wins() {
        let issuer = "userIdentity.sessionContext.sessionIssuer.arn";
        check(
            &[("userIdentity.arn", "session"), (issuer, "role"), ("userIdentity.invokedBy", "ec2")],
            Some("role"),
        );
        check(&[(issuer, ""), ("userIdentity.accountId", "1"), ("userIdentity.userName", "u")], Some("u"));
        check(&[("eventName", "x"), ("userIdentity.type", "Root")], None);
    }
}
