//! A program whose system calls are watched: what it does to the files of a folder, in order.
//!
//! By ptrace(2), so that nothing in the program knows of it, SQLite neither. A call that changes files in a way that is
//! not understood here fails the test.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::FileExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use libc::{c_int, c_long, c_void, pid_t};

/// Something that happened to the files of a folder, by their names at that moment.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Create {
        name: PathBuf,
    },
    Write {
        name: PathBuf,
        offset: u64,
        bytes: Vec<u8>,
    },
    SetLen {
        name: PathBuf,
        length: u64,
    },
    /// The file's bytes are on the device.
    Sync {
        name: PathBuf,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Delete {
        name: PathBuf,
    },
    /// The folder's names are.
    SyncFolder,
}

/// Starts a program that is watched.
fn start(command: &mut Command) -> io::Result<pid_t> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // SAFETY: one system call, which touches no memory.
    unsafe {
        command.pre_exec(|| match libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        });
    }
    command.spawn().map(|child| child.id() as pid_t)
}

/// Whether this system lets a program be watched: a sandbox may not, and Linux before 5.3 does not tell of calls.
pub(super) fn is_possible() -> bool {
    let Ok(pid) = start(&mut Command::new("true")) else { return false };
    wait(pid);
    ask(libc::PTRACE_SETOPTIONS, pid, 0, libc::PTRACE_O_TRACESYSGOOD as usize as *mut c_void);
    go_on(pid, 0);
    let stopped = libc::WIFSTOPPED(wait(pid).1);
    let told = stopped && call_info(pid).is_some();
    if stopped {
        ask(libc::PTRACE_KILL, pid, 0, std::ptr::null_mut());
        wait(pid);
    }
    told
}

/// The call that a thread has stopped at.
fn call_info(thread: pid_t) -> Option<libc::ptrace_syscall_info> {
    // SAFETY: a plain struct, for which zeroes are a value; the kernel fills in as much as we say it has.
    let mut info: libc::ptrace_syscall_info = unsafe { std::mem::zeroed() };
    let size = size_of_val(&info);
    (ask(libc::PTRACE_GET_SYSCALL_INFO, thread, size, (&raw mut info).cast()) > 0).then_some(info)
}

/// Runs a program to its end, and tells what it did to the files of a folder.
pub(super) fn traced(command: &mut Command, folder: &Path) -> (ExitStatus, Vec<Change>) {
    let pid = start(command).expect("this system lets a program be watched");
    let folder = folder.canonicalize().unwrap();
    let known = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let mut tracer = Tracer { folder, log: Vec::new(), known, calls: HashMap::new() };
    // It has stopped behind exec.
    assert_eq!(wait(pid).0, pid);
    let options = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_TRACECLONE | libc::PTRACE_O_EXITKILL;
    ask(libc::PTRACE_SETOPTIONS, pid, 0, options as usize as *mut c_void);
    go_on(pid, 0);
    loop {
        // Children of this thread alone: other tests wait for theirs.
        let (thread, status) = wait(-1);
        if libc::WIFEXITED(status) || libc::WIFSIGNALED(status) {
            if thread == pid {
                return (ExitStatus::from_raw(status), tracer.log);
            }
            continue;
        }
        let signal = match libc::WSTOPSIG(status) {
            call if call == libc::SIGTRAP | 0x80 => {
                tracer.stopped(thread);
                0
            }
            // A new thread, and the word of it.
            libc::SIGTRAP | libc::SIGSTOP => 0,
            other => other,
        };
        go_on(thread, signal);
    }
}

fn wait(of: pid_t) -> (pid_t, c_int) {
    let mut status = 0;
    // SAFETY: the status is ours.
    let found = unsafe { libc::waitpid(of, &raw mut status, libc::__WALL | libc::__WNOTHREAD) };
    assert!(found > 0, "{}", io::Error::last_os_error());
    (found, status)
}

fn ask(request: libc::c_uint, thread: pid_t, address: usize, data: *mut c_void) -> c_long {
    // SAFETY: the request gets what it asks for: nothing, a number, or a place of its length.
    unsafe { libc::ptrace(request, thread, address, data) }
}

fn go_on(thread: pid_t, signal: c_int) {
    // One that was killed meanwhile is told by the next wait.
    ask(libc::PTRACE_SYSCALL, thread, 0, signal as usize as *mut c_void);
}

struct Tracer {
    folder: PathBuf,
    log: Vec<Change>,
    /// Files that are there.
    known: Vec<PathBuf>,
    /// The call that each thread is in: its number and arguments, and which file its descriptor is of.
    calls: HashMap<pid_t, (c_long, [u64; 6], Option<PathBuf>)>,
}

impl Tracer {
    /// Before a call, and behind it.
    fn stopped(&mut self, thread: pid_t) {
        let info = call_info(thread).expect("it told of the first one");
        // SAFETY: `op` tells which of them it is.
        unsafe {
            match info.op {
                libc::PTRACE_SYSCALL_INFO_ENTRY => {
                    let (number, arguments) = (info.u.entry.nr as c_long, info.u.entry.args);
                    let file = self.file(thread, arguments[0]);
                    self.calls.insert(thread, (number, arguments, file));
                }
                libc::PTRACE_SYSCALL_INFO_EXIT => {
                    if let Some((number, arguments, file)) = self.calls.remove(&thread)
                        && info.u.exit.is_error == 0
                    {
                        self.done(thread, number, arguments, file, info.u.exit.sval);
                    }
                }
                _ => {}
            }
        }
    }

    /// The file in our folder that a descriptor is of, or the folder itself.
    fn file(&self, thread: pid_t, descriptor: u64) -> Option<PathBuf> {
        let path = std::fs::read_link(format!("/proc/{thread}/fd/{}", descriptor as c_int)).ok()?;
        (path == self.folder || self.known.contains(&path)).then_some(path)
    }

    /// A name in our folder, as a program says it.
    fn named(&self, thread: pid_t, address: u64) -> Option<PathBuf> {
        let bytes = memory(thread, address, libc::PATH_MAX as usize);
        let end = bytes.iter().position(|byte| *byte == 0)?;
        let said = PathBuf::from(String::from_utf8(bytes[..end].to_vec()).unwrap());
        let here = said.parent()?.canonicalize().ok()?;
        (here == self.folder).then(|| here.join(said.file_name().unwrap_or_default()))
    }

    fn done(
        &mut self,
        thread: pid_t,
        number: c_long,
        arguments: [u64; 6],
        file: Option<PathBuf>,
        result: i64,
    ) {
        if let Some(names) = renaming(number, &arguments) {
            let [from, to] = names.map(|address| self.named(thread, address));
            let (Some(from), Some(to)) = (from, to) else { return };
            self.known.retain(|name| *name != from && *name != to);
            self.known.push(to.clone());
            return self.log.push(Change::Rename { from, to });
        }
        if let Some(address) = deleting(number, &arguments) {
            let Some(name) = self.named(thread, address) else { return };
            self.known.retain(|known| *known != name);
            return self.log.push(Change::Delete { name });
        }
        if let Some(flags) = opening(number, &arguments) {
            return self.opened(thread, flags, result);
        }
        let Some(name) = file else { return };
        match number {
            libc::SYS_fsync | libc::SYS_fdatasync if name == self.folder => self.log.push(Change::SyncFolder),
            libc::SYS_fsync | libc::SYS_fdatasync => self.log.push(Change::Sync { name }),
            libc::SYS_pwrite64 => {
                let bytes = memory(thread, arguments[1], result as usize);
                self.log.push(Change::Write { name, offset: arguments[3], bytes });
            }
            libc::SYS_write => {
                let bytes = memory(thread, arguments[1], result as usize);
                // The place is behind what was written.
                let offset = place(thread, arguments[0]) - result as u64;
                self.log.push(Change::Write { name, offset, bytes });
            }
            libc::SYS_ftruncate => self.log.push(Change::SetLen { name, length: arguments[1] }),
            // Shared memory of SQLite is nothing that a power cut leaves; anything else written in this way is not seen.
            libc::SYS_mmap => {}
            libc::SYS_writev
            | libc::SYS_pwritev
            | libc::SYS_pwritev2
            | libc::SYS_fallocate
            | libc::SYS_copy_file_range
            | libc::SYS_sendfile
            | libc::SYS_splice => {
                panic!("call {number} on {} is not understood", name.display());
            }
            _ => {}
        }
    }

    fn opened(&mut self, thread: pid_t, flags: c_int, descriptor: i64) {
        let Ok(path) = std::fs::read_link(format!("/proc/{thread}/fd/{descriptor}")) else { return };
        if path.parent() != Some(&self.folder) {
            return;
        }
        if !self.known.contains(&path) && flags & libc::O_CREAT != 0 {
            self.known.push(path.clone());
            self.log.push(Change::Create { name: path });
        } else if flags & libc::O_TRUNC != 0 {
            self.log.push(Change::SetLen { name: path, length: 0 });
        }
    }
}

fn memory(thread: pid_t, address: u64, length: usize) -> Vec<u8> {
    let memory = std::fs::File::open(format!("/proc/{thread}/mem")).unwrap();
    let (mut bytes, mut read) = (vec![0; length], 0);
    // A name is asked for with more behind it, which may be nobody's.
    while read < length {
        match memory.read_at(&mut bytes[read..], address + read as u64) {
            Ok(1..) if length == libc::PATH_MAX as usize && bytes.contains(&0) => break,
            Ok(0) | Err(_) => break,
            Ok(more) => read += more,
        }
    }
    bytes
}

/// Where a descriptor stands.
fn place(thread: pid_t, descriptor: u64) -> u64 {
    let info = std::fs::read_to_string(format!("/proc/{thread}/fdinfo/{descriptor}")).unwrap();
    info.lines().find_map(|line| line.strip_prefix("pos:")).unwrap().trim().parse().unwrap()
}

fn renaming(number: c_long, arguments: &[u64; 6]) -> Option<[u64; 2]> {
    match number {
        #[cfg(target_arch = "x86_64")]
        libc::SYS_rename => Some([arguments[0], arguments[1]]),
        libc::SYS_renameat | libc::SYS_renameat2 => Some([arguments[1], arguments[3]]),
        _ => None,
    }
}

fn deleting(number: c_long, arguments: &[u64; 6]) -> Option<u64> {
    match number {
        #[cfg(target_arch = "x86_64")]
        libc::SYS_unlink => Some(arguments[0]),
        libc::SYS_unlinkat => Some(arguments[1]),
        _ => None,
    }
}

fn opening(number: c_long, arguments: &[u64; 6]) -> Option<c_int> {
    match number {
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open => Some(arguments[1] as c_int),
        libc::SYS_openat => Some(arguments[2] as c_int),
        _ => None,
    }
}
