//! Texts and identities that many events share, each kept once.

use super::session::Session;
use foldhash::HashSet;
use std::sync::Arc;

/// Texts and identities that many events share, each kept once.
#[derive(Debug, Default)]
pub(super) struct Names {
    texts: HashSet<Arc<str>>,
    sessions: HashSet<Arc<Session>>,
}

impl Names {
    /// The one copy of a text.
    pub(super) fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let text = Arc::<str>::from(text);
        self.texts.insert(Arc::clone(&text));
        text
    }

    /// The one copy of an identity.
    pub(super) fn session(&mut self, session: Session) -> Arc<Session> {
        if let Some(known) = self.sessions.get(&session) {
            return Arc::clone(known);
        }
        let session = Arc::new(session);
        self.sessions.insert(Arc::clone(&session));
        session
    }
}
