//! Whether somebody asked a run to end.

use std::time::Duration;
use tokio::sync::watch;

/// Becomes true once, and stays so.
#[derive(Clone, Debug)]
pub struct Stop(Option<watch::Receiver<bool>>);

impl Stop {
    /// Nobody will ask.
    #[must_use]
    pub fn never() -> Self {
        Self(None)
    }

    /// Whoever makes `asked` true asks.
    #[must_use]
    pub fn when(asked: watch::Receiver<bool>) -> Self {
        Self(Some(asked))
    }

    /// Whether somebody has asked.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.0.as_ref().is_some_and(|asked| *asked.borrow())
    }

    /// Waits for `pause`, or until somebody asks; whether somebody has.
    pub(super) async fn within(&self, pause: Duration) -> bool {
        let asked = async {
            match &self.0 {
                // Without a sender nobody can ask any more.
                Some(asked) if asked.clone().wait_for(|asked| *asked).await.is_ok() => {}
                _ => std::future::pending().await,
            }
        };
        tokio::time::timeout(pause, asked).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_heard_at_once() {
        let (sender, receiver) = watch::channel(false);
        let stop = Stop::when(receiver);
        assert!(!stop.is_asked() && !stop.within(Duration::from_millis(1)).await);
        let waiting = tokio::spawn({
            let stop = stop.clone();
            async move { stop.within(Duration::from_mins(1)).await }
        });
        sender.send(true).unwrap();
        assert!(waiting.await.unwrap() && stop.is_asked());
        assert!(!Stop::never().within(Duration::from_millis(1)).await);
    }
}
