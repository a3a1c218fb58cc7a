//! SIGINT and SIGTERM for verbs that ask questions: a query ends, and the process only if nothing can be ended but it.
//!
//! Signals and timeouts are watched from a runtime with a thread of its own, since the threads of the usual one may all be
//! deep in a join that does not look up.

use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use std::path::PathBuf;
use std::process::exit;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// What we were sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

impl Signal {
    /// The exit code of a process that ended by it, as shells count.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// Watches from the first call of [`Signals::watch`] on.
pub(crate) struct Signals {
    runtime: Runtime,
    seen: watch::Receiver<Option<Signal>>,
    idle: Arc<Mutex<Option<Idle>>>,
}

/// The process waits for a person, or for a pipe, in a call that a signal does not end.
#[derive(Debug, Default)]
struct Idle {
    /// The terminal as it was.
    terminal: Option<Termios>,
    /// What goes with the process.
    folder: Option<PathBuf>,
}

impl Signals {
    /// The one of this process. From here on, the signals do no more than what is said here.
    pub(crate) fn watch() -> anyhow::Result<&'static Self> {
        static SIGNALS: OnceLock<Signals> = OnceLock::new();
        if let Some(signals) = SIGNALS.get() {
            return Ok(signals);
        }
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let (sender, seen) = watch::channel(None);
        let idle = Arc::new(Mutex::new(None::<Idle>));
        let at_once = Arc::clone(&idle);
        let (mut interrupt, mut terminate) = {
            let _context = runtime.enter();
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
        };
        runtime.spawn(async move {
            loop {
                let signal = tokio::select! {
                    _ = interrupt.recv() => Signal::Interrupt,
                    _ = terminate.recv() => Signal::Terminate,
                };
                if let Some(idle) = at_once.lock().unwrap_or_else(PoisonError::into_inner).take() {
                    idle.leave(signal);
                }
                sender.send_replace(Some(signal));
            }
        });
        Ok(SIGNALS.get_or_init(|| Self { runtime, seen, idle }))
    }

    /// Signals that come from now on.
    pub(crate) fn coming(&self) -> Coming {
        let mut seen = self.seen.clone();
        seen.mark_unchanged();
        Coming(seen)
    }

    /// Where to run what must not wait for queries.
    pub(crate) fn aside(&self) -> &Handle {
        self.runtime.handle()
    }

    /// While the guard lives, a signal ends the process, once the terminal is as it was and `folder` is gone.
    pub(crate) fn idle(&self, folder: Option<PathBuf>) -> IdleGuard<'_> {
        let terminal = tcgetattr(std::io::stdin()).ok();
        *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = Some(Idle { terminal, folder });
        IdleGuard(self)
    }
}

impl Idle {
    fn leave(self, signal: Signal) {
        if let Some(terminal) = self.terminal {
            let _ = tcsetattr(std::io::stdin(), SetArg::TCSANOW, &terminal);
        }
        if let Some(folder) = self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
        exit(i32::from(signal.code()));
    }
}

/// See [`Signals::idle`].
pub(crate) struct IdleGuard<'a>(&'a Signals);

impl Drop for IdleGuard<'_> {
    fn drop(&mut self) {
        *self.0.idle.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Signals that have not come yet.
pub(crate) struct Coming(watch::Receiver<Option<Signal>>);

impl Coming {
    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> Signal {
        // The sender lives as long as the process.
        let _ = self.0.changed().await;
        self.0.borrow_and_update().unwrap_or(Signal::Interrupt)
    }
}

/// Does `what`, unless a signal comes first.
///
/// # Errors
/// [`Halt::Stopped`], or those of `what`.
pub(crate) async fn unless_stopped<T>(what: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let mut coming = Signals::watch()?.coming();
    tokio::select! {
        biased;
        signal = coming.next() => Err(Halt::Stopped(signal).into()),
        done = what => done,
    }
}

/// Why a query has no end of its own.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Halt {
    /// Somebody asked us to end it.
    #[error("cancelled")]
    Stopped(Signal),
    /// It took too long.
    #[error(
        "the query worked for longer than {0:?}, and was cancelled\nhint: raise --timeout, or ask for less"
    )]
    TimedOut(std::time::Duration),
}
