//! `supervisor/dsmrd.conf` in a supervisord of the test's own: a scratch folder, a socket in it, no system one.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{dsmrd, installed, read, repository, text, write};
use crate::support::wait_for;

/// Longer than anything here should take, so that a busy machine fails no test.
const PATIENCE: Duration = Duration::from_secs(120);

/// A port that is not there: of all meters the one that costs nothing.
const METER: &str = "[[meter]]\nname = \"home\"\nsource = \"/dev/ttyNotThere\"\n";

/// A supervisord with its own folder; it and its programs end with the value.
struct Supervisor {
    folder: tempfile::TempDir,
    child: Child,
}

impl Supervisor {
    /// Starts one without any program; none when supervisord is not installed.
    fn start() -> Option<Self> {
        if !installed("supervisord") || !installed("supervisorctl") {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        std::fs::create_dir(at("conf.d")).unwrap();
        let config = write(
            folder.path().join("supervisord.conf"),
            format!(
                "[unix_http_server]\nfile={socket}\n\
                 [supervisord]\nlogfile={log}\npidfile={pid}\nchildlogdir={root}\nnodaemon=true\n\
                 [rpcinterface:supervisor]\n\
                 supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n\
                 [supervisorctl]\nserverurl=unix://{socket}\n\
                 [include]\nfiles={programs}\n",
                socket = at("sock"),
                log = at("supervisord.log"),
                pid = at("supervisord.pid"),
                root = folder.path().display(),
                programs = at("conf.d/*.conf"),
            ),
        );
        let mut command = Command::new("supervisord");
        command.arg("--nodaemon").arg("--configuration").arg(config);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // SAFETY: prctl is async-signal-safe and touches nothing but the new process.
        unsafe {
            command.pre_exec(|| {
                // It must not outlive a test that was killed.
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM);
                Ok(())
            });
        }
        let supervisor = Self { child: command.spawn().unwrap(), folder };
        wait_for(PATIENCE, || {
            let output = supervisor.run(&["pid"]);
            output.trim().parse::<u32>().ok()
        })
        .expect("supervisord did not come up");
        Some(supervisor)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `supervisorctl …`, both streams as text. Its exit code says little: status exits 3 for a stopped program.
    fn run(&self, arguments: &[&str]) -> String {
        let output = Command::new("supervisorctl")
            .arg("--configuration")
            .arg(self.path("supervisord.conf"))
            .args(arguments)
            .output()
            .unwrap();
        text(&output)
    }

    /// Copies the program file as the README says, with this test's paths in it, and the configuration.
    fn install(&self, config: &str) {
        let source = read(&repository().join("supervisor/dsmrd.conf"));
        let user = text(&Command::new("id").arg("-un").output().unwrap());
        let mut program = source;
        for (ours, theirs) in [
            ("/usr/local/bin/dsmrd", dsmrd().display().to_string()),
            ("/etc/dsmrd/dsmrd.toml", self.path("dsmrd.toml").display().to_string()),
            ("/var/log/dsmrd/dsmrd.log", self.path("dsmrd.log").display().to_string()),
            ("directory=/var/lib/dsmrd", format!("directory={}", self.folder.path().display())),
            ("user=dsmrd", format!("user={}", user.trim())),
        ] {
            assert!(program.contains(ours), "supervisor/dsmrd.conf no longer says {ours}");
            program = program.replace(ours, &theirs);
        }
        self.configure(config);
        write(self.path("conf.d/dsmrd.conf"), program);
    }

    fn configure(&self, config: &str) {
        write(self.path("dsmrd.toml"), format!("{config}\n[store]\npath = \"dsmrd.sqlite\"\n"));
    }

    /// The state supervisord sees (`RUNNING`, `FATAL`, …) and the pid.
    fn status(&self) -> (String, Option<u32>) {
        let line = self.run(&["status", "dsmrd"]);
        let mut words = line.split_whitespace().skip(1);
        let state = words.next().unwrap_or_default().to_owned();
        let pid = line.split_once("pid ").and_then(|(_, rest)| rest.split(',').next()?.parse().ok());
        (state, pid)
    }

    /// Waits for the program to be RUNNING under a pid other than `other`.
    fn running(&self, other: Option<u32>) -> u32 {
        wait_for(PATIENCE, || match self.status() {
            (state, Some(pid)) if state == "RUNNING" && Some(pid) != other => Some(pid),
            _ => None,
        })
        .unwrap_or_else(|| panic!("not RUNNING: {}\n{}", self.run(&["status"]), self.log()))
    }

    /// Starts dsmrd on `config` the way the README says.
    fn started(config: &str) -> Option<(Self, u32)> {
        let supervisor = Self::start()?;
        supervisor.install(config);
        supervisor.run(&["update"]);
        let pid = supervisor.running(None);
        // RUNNING says that it did not end within a second.
        wait_for(PATIENCE, || supervisor.log().contains(" starting ").then_some(())).expect("it starts");
        Some((supervisor, pid))
    }

    /// What dsmrd wrote.
    fn log(&self) -> String {
        read(&self.path("dsmrd.log"))
    }

    /// How many times supervisord started dsmrd.
    fn starts(&self) -> usize {
        read(&self.path("supervisord.log")).matches("spawned: 'dsmrd'").count()
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // SIGTERM lets supervisord stop its programs; it is our own child, so the pid is still its own.
        signal(self.child.id(), libc::SIGTERM);
        if wait_for(PATIENCE, || self.child.try_wait().ok().flatten()).is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn signal(pid: u32, signal: libc::c_int) {
    // SAFETY: kill has no memory effects.
    unsafe { libc::kill(pid as libc::pid_t, signal) };
}

fn alive(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn copied_reread_updated_it_runs() {
    let Some(supervisor) = Supervisor::start() else { return };
    supervisor.install(METER);
    assert_eq!(supervisor.run(&["reread"]).trim(), "dsmrd: available");
    assert_eq!(supervisor.run(&["update"]).trim(), "dsmrd: added process group");
    supervisor.running(None);
    // What people see in the log: lines, as they happen, without terminal colours.
    wait_for(PATIENCE, || supervisor.log().contains('\n').then_some(())).expect("a line in the log");
    assert!(!supervisor.log().contains('\u{1b}'), "colours in the log:\n{}", supervisor.log());
    // Nothing new to read, nothing to update.
    assert_eq!(supervisor.run(&["reread"]).trim(), "No config updates to processes");
    assert_eq!(supervisor.starts(), 1);
}

#[test]
fn killed_it_runs_again() {
    let Some((supervisor, first)) = Supervisor::started(METER) else { return };
    signal(first, libc::SIGKILL);
    let second = supervisor.running(Some(first));
    // And once more, in case the first restart had luck.
    signal(second, libc::SIGKILL);
    supervisor.running(Some(second));
    assert_eq!(supervisor.starts(), 3);
}

#[test]
fn a_bad_configuration_ends_in_fatal_without_a_storm() {
    let Some(supervisor) = Supervisor::start() else { return };
    supervisor.install("[[meter]]\nname = \"home\"\nsauce = \"simulate:\"\n");
    supervisor.run(&["update"]);
    let ended = |state: &str| ["FATAL", "EXITED"].contains(&state);
    let state = wait_for(PATIENCE, || Some(supervisor.status().0).filter(|state| ended(state)))
        .unwrap_or_else(|| panic!("not FATAL: {}", supervisor.run(&["status"])));
    let starts = supervisor.starts();
    if state == "FATAL" {
        assert_eq!(starts, 4, "startretries says 3 after the first");
    } else {
        // This machine took longer than startsecs to read the file: then the exit code says that it is of no use to go on.
        assert!(starts <= 4, "{starts}");
    }
    let exits = read(&supervisor.path("supervisord.log")).matches("(exit status 78; ").count();
    assert_eq!(exits, starts, "{}", read(&supervisor.path("supervisord.log")));
    // Whoever reads the log finds the file and the key.
    let log = supervisor.log();
    assert!(log.contains("dsmrd.toml") && log.contains("sauce"), "{log}");
    // It stays so. supervisord's longest pause would have been four seconds.
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!((supervisor.status().0.as_str(), supervisor.starts()), (state.as_str(), starts));
    // The file mended, one command brings it up.
    supervisor.configure(METER);
    supervisor.run(&["start", "dsmrd"]);
    supervisor.running(None);
}

#[test]
fn stop_is_clean() {
    let Some((supervisor, pid)) = Supervisor::started(METER) else { return };
    assert_eq!(supervisor.run(&["stop", "dsmrd"]).trim(), "dsmrd: stopped");
    assert!(!alive(pid));
    let log = read(&supervisor.path("supervisord.log"));
    // supervisord says "terminated by" where a signal ended the program, and kills it after stopwaitsecs.
    assert!(log.contains("stopped: dsmrd (exit status 0)"), "{log}\n{}", supervisor.log());
    assert!(!log.contains("SIGKILL"), "{log}");
    assert_eq!(supervisor.starts(), 1);
    assert_eq!(supervisor.status().0, "STOPPED");
}

#[test]
fn hup_reloads_and_a_bad_file_keeps_the_old_settings() {
    let Some((supervisor, pid)) = Supervisor::started(METER) else { return };
    supervisor.configure("[[meter]]\nname = \"home\"\nsauce = \"simulate:\"\n");
    supervisor.run(&["signal", "HUP", "dsmrd"]);
    wait_for(PATIENCE, || supervisor.log().contains("sauce").then_some(()))
        .unwrap_or_else(|| panic!("nothing said of the bad file:\n{}", supervisor.log()));
    assert_eq!(supervisor.status(), ("RUNNING".to_owned(), Some(pid)));

    // A second meter on a port that this test listens on: the reload is seen when dsmrd comes to it.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let second = format!("[[meter]]\nname = \"shed\"\nsource = \"tcp://127.0.0.1:{port}\"\n");
    supervisor.configure(&format!("{METER}{second}"));
    supervisor.run(&["signal", "HUP", "dsmrd"]);
    wait_for(PATIENCE, || listener.accept().ok())
        .unwrap_or_else(|| panic!("the new meter was not opened:\n{}", supervisor.log()));
    assert_eq!(supervisor.status(), ("RUNNING".to_owned(), Some(pid)));
    assert_eq!(supervisor.starts(), 1);
}

#[test]
fn supervisors_know_the_exit_code_of_a_bad_configuration() {
    let code = dsmrd::exit::CONFIG;
    let says = |file: &str, line: String| {
        let text = read(&repository().join(file));
        assert!(text.lines().any(|of| of == line), "{file} does not say {line}");
    };
    says("supervisor/dsmrd.conf", format!("exitcodes=0,{code}"));
    says("provisioning/dsmrd.service", format!("RestartPreventExitStatus={code}"));
}
