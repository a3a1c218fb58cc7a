//! Sessions: on a terminal of their own, and through a pipe.

use crate::logs;
use crate::product::{run, text, trailhound};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// What the prompt ends with.
const PROMPT: &str = "trailhound> ";

/// A query that takes longer than anybody waits, and little memory.
const LONG: &str = "with few as (select eventID as id from cloudtrail limit 300) \
    select count(*) from few a, few b, few c, few d where a.id || b.id < c.id || d.id;\r";

const CTRL_C: &str = "\u{3}";
const CTRL_D: &str = "\u{4}";

/// A lake, and a home for the state of sessions.
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lake = folder.path().join("lake");
        run(trailhound(["ingest"])
            .arg(logs::write_first(10, &folder.path().join("trail")))
            .arg("--lake")
            .arg(lake));
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn state(&self, name: &str) -> PathBuf {
        self.path("state/trailhound").join(name)
    }

    /// A session over the lake, with what the tests need of an environment.
    fn sql(&self, args: &[&str]) -> Command {
        let mut command = trailhound(["sql", "--lake"]);
        command.arg(self.path("lake")).args(args).env("XDG_STATE_HOME", self.path("state"));
        command.env("PAGER", "cat").env("TERM", "xterm").env_remove("TRAILHOUND_PAGER");
        command
    }

    /// Plays a script on a terminal; `None` where there is no Python.
    fn play(&self, sql: &Command, steps: &[(&str, &str)]) -> Option<(String, i32)> {
        let script = self.path("script.json");
        fs::write(&script, serde_json::to_vec(steps).unwrap()).unwrap();
        let mut python = Command::new("python3");
        python.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/terminal.py")).arg(script);
        python.arg(sql.get_program()).args(sql.get_args());
        for (name, value) in sql.get_envs() {
            match value {
                Some(value) => python.env(name, value),
                None => python.env_remove(name),
            };
        }
        let Ok(output) = python.output() else {
            eprintln!("SKIPPED: a session on a terminal (needs python3)");
            return None;
        };
        let said = text(&output.stderr);
        assert_eq!(said, "", "{}", text(&output.stdout));
        Some((text(&output.stdout), output.status.code().unwrap()))
    }
}

/// What a session says to statements on stdin.
fn piped(command: &mut Command, input: &str) -> Output {
    let mut process =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may have ended before it read everything.
    let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
    process.wait_with_output().unwrap()
}

#[test]
fn a_person_asks() {
    let home = Home::new();
    let steps = [
        (PROMPT, "select eventName, count(*) as n\r"),
        ("", "from cloudtrail where userIdentity.userName = 'ada; no end'\r"),
        ("", "or userIdentity.userName = 'grace' group by 1 order by 2 desc, 1 limit 1;\r"),
        ("1 row", "\\timing\r"),
        ("\\timing is on", "select 41 + 1;\r"),
        ("1 row, 0.", "\\x\r"),
        ("\\x is on", "select eventName, errorCode from cloudtrail limit 1;\r"),
        ("row 1", "\\format csv\r"),
        ("format is csv", "select 1 as a, 2 as b;\r"),
        ("a,b", "\\save ab\r"),
        ("kept", "\\run ab\r"),
        ("a,b", "\\d logfiles\r"),
        ("sourcefile,text", "\\help\r"),
        ("\\timing", "\\frmat\r"),
        ("did you mean \\format?", "select eventNam from cloudtrail;\r"),
        ("did you mean eventName?", "\\q\r"),
    ];
    let Some((said, code)) = home.play(&home.sql(&[]), &steps) else { return };
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("42"), "{said}");
    // What is NULL is left out.
    let row = &said[said.find("── row 1").unwrap()..];
    assert!(row.contains("eventName  ") && !row.contains("errorCode  "), "{said}");
    let mode = |name: &str| fs::metadata(home.state(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("history"), mode("queries/ab.sql"), mode("")), (0o600, 0o600, 0o700));
    // The next session knows what was asked: the last statement but two.
    let steps = [(PROMPT, "\u{1b}[A\u{1b}[A\u{1b}[A\u{1b}[A\u{1b}[A\u{1b}[A\r"), ("a,b", CTRL_D)];
    let mut again = home.sql(&["--format", "csv"]);
    again.env("TRAILHOUND_NO_PROGRESS", "1");
    let (said, code) = home.play(&again, &steps).unwrap();
    assert_eq!(code, 0, "{said}");
}

#[test]
fn tab_knows_the_names() {
    let home = Home::new();
    let steps = [
        (PROMPT, "select EVENTN\t"),
        ("select eventName", ", requestparameters.buck\t\t\t"),
        ("requestParameters.bucketName", ", userid\t.ar\t from cl\t"),
        ("userIdentity.arn from cloudtrail", " limit 1;\r"),
        ("1 row", "select requestParameters.\t\t"),
        ("requestParameters.maxResults", CTRL_C),
        (PROMPT, "\\ti\t\r"),
        ("\\timing is on", CTRL_D),
    ];
    let Some((said, code)) = home.play(&home.sql(&[]), &steps) else { return };
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("  b-") && said.contains("arn:aws:iam::"), "{said}");
}

#[test]
fn ctrl_c_ends_a_query_and_not_the_session() {
    let home = Home::new();
    // The line that tells how far it is appears after two seconds.
    let steps = [
        (PROMPT, LONG),
        ("Ctrl-C cancels", CTRL_C),
        ("cancelled", "select 40 + 2 as answer;\r"),
        ("42", "half a statement\r"),
        ("", CTRL_C),
        (PROMPT, "\\q\r"),
    ];
    let Some((said, code)) = home.play(&home.sql(&[]), &steps) else { return };
    assert_eq!(code, 0, "{said}");
}

#[test]
fn sigterm_ends_the_session() {
    let home = Home::new();
    let Some((said, code)) = home.play(&home.sql(&[]), &[(PROMPT, "SIGNAL 15")]) else { return };
    assert_eq!(code, 143, "{said}");
    let steps = [(PROMPT, LONG), ("Ctrl-C cancels", "SIGNAL 15")];
    let (said, code) = home.play(&home.sql(&[]), &steps).unwrap();
    assert_eq!(code, 143, "{said}");
}

#[test]
fn a_long_answer_is_paged_without_a_shell() {
    let home = Home::new();
    // A pager that shows that it was one, and what it was told.
    let pager = home.path("pager");
    fs::write(&pager, "#!/bin/sh\necho \"PAGED $* $LESSSECURE\"\ncat\necho END\n").unwrap();
    fs::set_permissions(&pager, fs::Permissions::from_mode(0o755)).unwrap();
    let mut sql = home.sql(&[]);
    sql.env("PAGER", format!("{} -x $(touch {})", pager.display(), home.path("touched").display()));
    let long = "select eventName, userAgent from cloudtrail limit 50;\r";
    let Some((said, _)) = home.play(&sql, &[(PROMPT, long), ("50 rows", "\\q\r")]) else { return };
    assert!(
        said.contains("not paged") && !said.contains("PAGED") && !home.path("touched").exists(),
        "{said}"
    );
    sql.env("PAGER", format!("{} -x", pager.display()));
    let steps = [
        (PROMPT, "select 1;\r"),
        ("1 row", long),
        ("50 rows", "\\format csv\r"),
        ("format is", long),
        ("50 rows", "\\q\r"),
    ];
    let (said, code) = home.play(&sql, &steps).unwrap();
    assert_eq!((code, said.matches("PAGED -x 1").count(), said.matches("END").count()), (0, 2, 2), "{said}");
    // The trail has an escape in its user agents, in every format.
    assert!(said.contains("\\u{1b}[2J") && !said.contains("\u{1b}[2J"), "{said}");
}

#[test]
fn a_secret_is_not_kept() {
    let home = Home::new();
    let mut sql = home.sql(&[]);
    sql.env("MY_DB_PASSWORD", "hunter2-hunter2");
    let steps = [
        (PROMPT, "select 'hunter2-hunter2' as a;\r"),
        ("not kept in the history", ""),
        ("1 row", "\\save x\r"),
        ("is not kept", " select 'with a space';\r"),
        ("1 row", "select 'remembered';\r"),
        ("1 row", "\\q\r"),
    ];
    let Some((said, _)) = home.play(&sql, &steps) else { return };
    let history = fs::read_to_string(home.state("history")).unwrap();
    assert!(history.contains("remembered"), "{said}");
    assert!(!history.contains("hunter2") && !history.contains("with a space"), "{history}");
    // No history at all.
    fs::remove_file(home.state("history")).unwrap();
    home.play(&home.sql(&["--no-history"]), &[(PROMPT, "select 1;\r"), ("1 row", "\\q\r")]).unwrap();
    assert!(!home.state("history").exists());
}

#[test]
fn statements_on_stdin() {
    let home = Home::new();
    let output = piped(&mut home.sql(&["--format", "csv"]), "select 1 as a");
    assert_eq!((text(&output.stdout), output.status.code()), ("a\n1\n".to_owned(), Some(0)));
    assert_eq!(text(&output.stderr), "");
    let script = "-- two\nselect 1 as a; select ';' as\nb;\n\\format ndjson\nselect 3 as c;";
    let output = piped(&mut home.sql(&["--format", "csv"]), script);
    assert_eq!(text(&output.stdout), "a\n1\nb\n;\n{\"c\":3}\n", "{}", text(&output.stderr));
    // What fails ends it.
    let output = piped(&mut home.sql(&["--format", "csv"]), "select 1 as a; select nothing; select 2;");
    assert_eq!((text(&output.stdout), output.status.code()), ("a\n1\n".to_owned(), Some(2)));
    for nothing in ["", "  \n-- nothing\n"] {
        let output = piped(&mut home.sql(&[]), nothing);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("there is no statement on stdin"));
    }
    let output = piped(&mut home.sql(&[]), &"x".repeat(3 << 20));
    assert!(output.status.code() == Some(2) && text(&output.stderr).contains("longer than"));
    assert!(!home.state("history").exists());
}

#[test]
fn log_files_can_be_asked_too() {
    let home = Home::new();
    let mut sql = trailhound(["sql", "--format", "csv", "--raw"]);
    sql.arg(home.path("trail")).env("XDG_STATE_HOME", home.path("state"));
    let output = piped(&mut sql, "select count(*) as n from cloudtrail; select 2 as b;");
    assert_eq!(text(&output.stdout), "n\n500\nb\n2\n", "{}", text(&output.stderr));
    sql.env("PAGER", "cat").env("TERM", "xterm");
    let steps = [
        (PROMPT, "select requestparameters.buck\t\t\t"),
        ("requestParameters.bucketName", " from cloudtrail limit 1;\r"),
        ("1 row", "\\d\r"),
        ("actor_chain", "\\q\r"),
    ];
    let Some((said, code)) = home.play(&sql, &steps) else { return };
    assert_eq!(code, 0, "{said}");
}

/// Of a process, whatever the query does.
#[test]
fn signals_end_one_query() {
    let home = Home::new();
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let mut sql = home.sql(&[LONG.trim_end().trim_end_matches(';')]);
        let mut process = sql.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_secs(2));
        assert!(process.try_wait().unwrap().is_none(), "the query was not long enough");
        let began = Instant::now();
        let pid = process.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
        let output = process.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
        assert!(began.elapsed() < Duration::from_secs(10), "{signal} took {:?}", began.elapsed());
        assert_eq!((text(&output.stdout), text(&output.stderr)), (String::new(), "cancelled\n".to_owned()));
    }
}
