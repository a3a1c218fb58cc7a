//! Ctrl-C, or SIGTERM from whatever started us → a wish that work can look at.

use super::say;
use std::sync::OnceLock;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Becomes true when somebody asks us to end. From the first call on, the signals do no more than that.
pub(super) fn asked() -> anyhow::Result<watch::Receiver<bool>> {
    // A function is called many times in one process.
    static ASKED: OnceLock<watch::Receiver<bool>> = OnceLock::new();
    if let Some(asked) = ASKED.get() {
        return Ok(asked.clone());
    }
    let (sender, receiver) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        say("stopping: what was begun is finished");
        let _ = sender.send(true);
        // Whoever waits for it to change finds it unchanged, and not gone.
        sender.closed().await;
    });
    Ok(ASKED.get_or_init(|| receiver).clone())
}
