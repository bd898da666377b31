//! A VFS around SQLite's own for Unix: it does what that does, and the card is told, or has it fail.

use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rusqlite::ffi;

use super::{Event, FileId, Inner};

/// An open file as SQLite holds it; the file of the VFS below lies behind it in the same memory.
#[repr(C)]
struct Shim {
    base: ffi::sqlite3_file,
    inner: *const Inner,
    /// None for files without a name, which nobody finds after a power cut.
    file: Option<FileId>,
    /// The next sync is one of the folder too, as SQLite does it with journals and logs that it may have made.
    folder: bool,
}

/// A VFS of its own for a card; its name. It stays for as long as the tests run, as its connections may.
pub(super) fn register(inner: Arc<Inner>) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("card-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    // SAFETY: the VFS below is static; ours is leaked, as is all that it points to. SQLite copies neither.
    unsafe {
        let below = ffi::sqlite3_vfs_find(c"unix".as_ptr());
        assert!(!below.is_null(), "SQLite has a VFS for Unix");
        let mut vfs = *below;
        vfs.szOsFile += size_of::<Shim>() as c_int;
        vfs.zName = CString::new(name.as_str()).unwrap().into_raw();
        vfs.pNext = ptr::null_mut();
        let data = Box::new(Data { below, inner: Arc::into_raw(inner) });
        vfs.pAppData = Box::into_raw(data).cast();
        vfs.xOpen = Some(open);
        vfs.xDelete = Some(delete);
        vfs.xAccess = Some(access);
        vfs.xFullPathname = Some(full_pathname);
        // The system calls that tests of SQLite itself exchange.
        vfs.iVersion = 2;
        assert_eq!(ffi::sqlite3_vfs_register(Box::into_raw(Box::new(vfs)), 0), ffi::SQLITE_OK);
    }
    name
}

struct Data {
    below: *mut ffi::sqlite3_vfs,
    inner: *const Inner,
}

/// SAFETY of all functions below: SQLite hands in the VFS and the files that it got from us, and valid buffers.
unsafe fn data<'a>(vfs: *mut ffi::sqlite3_vfs) -> &'a Data {
    // SAFETY: see above; `pAppData` was leaked in `register`.
    unsafe { &*(*vfs).pAppData.cast::<Data>() }
}

unsafe fn shim<'a>(file: *mut ffi::sqlite3_file) -> (&'a Shim, &'a Inner, *mut ffi::sqlite3_file) {
    // SAFETY: see `data`; the memory behind the shim was made by SQLite, `szOsFile` bytes of it.
    unsafe {
        let shim = file.cast::<Shim>();
        (&*shim, &*(*shim).inner, shim.add(1).cast())
    }
}

/// Calls a method of the file below.
macro_rules! below {
    ($file:expr, $method:ident $(, $argument:expr)*) => {{
        let file = $file;
        // SAFETY: the file below was opened by its own VFS, which has all methods that we hand on.
        unsafe { (*(*file).pMethods).$method.expect("a method of Unix")(file $(, $argument)*) }
    }};
}

fn write_code(error: i32) -> c_int {
    if error == libc::ENOSPC { ffi::SQLITE_FULL } else { ffi::SQLITE_IOERR_WRITE }
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: see `data`. `pMethods` stays null until the file below is open, so that SQLite does not close it.
    unsafe {
        let data = data(vfs);
        let shim = file.cast::<Shim>();
        (*shim).base.pMethods = ptr::null();
        let path = (!name.is_null())
            .then(|| PathBuf::from(OsStr::from_bytes(CStr::from_ptr(name.cast()).to_bytes())));
        let inner = &*data.inner;
        let mut flags = flags;
        if let (Some(path), Some(error)) = (&path, inner.faults().write) {
            if !path.exists() {
                return ffi::SQLITE_CANTOPEN;
            }
            // A read-only file system is opened to read alone, as SQLite does it.
            if error == libc::EROFS {
                flags = (flags & !(ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_CREATE))
                    | ffi::SQLITE_OPEN_READONLY;
            }
        }
        let open = (*data.below).xOpen.expect("a method of Unix");
        let code = open(data.below, name, shim.add(1).cast(), flags, out);
        if code == ffi::SQLITE_OK {
            let id = path.map(|path| inner.opened(&path));
            ptr::addr_of_mut!((*shim).inner).write(data.inner);
            ptr::addr_of_mut!((*shim).file).write(id);
            let made = flags & ffi::SQLITE_OPEN_CREATE != 0
                && flags & (ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL) != 0;
            ptr::addr_of_mut!((*shim).folder).write(made);
            (*shim).base.pMethods = &METHODS;
        }
        code
    }
}

unsafe extern "C" fn delete(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    // SAFETY: see `data`.
    unsafe {
        let data = data(vfs);
        let inner = &*data.inner;
        if inner.faults().write == Some(libc::EROFS) {
            return ffi::SQLITE_IOERR_DELETE;
        }
        let code = (*data.below).xDelete.expect("a method of Unix")(data.below, name, sync);
        if code == ffi::SQLITE_OK {
            inner.delete(OsStr::from_bytes(CStr::from_ptr(name).to_bytes()).as_ref(), sync != 0);
        }
        code
    }
}

unsafe extern "C" fn access(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: see `data`.
    unsafe {
        let below = data(vfs).below;
        (*below).xAccess.expect("a method of Unix")(below, name, flags, out)
    }
}

unsafe extern "C" fn full_pathname(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    count: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: see `data`.
    unsafe {
        let below = data(vfs).below;
        (*below).xFullPathname.expect("a method of Unix")(below, name, count, out)
    }
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    // Without memory-mapped files, which nobody could see the writes of.
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: see `data`.
    below!(unsafe { shim(file) }.2, xClose)
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    to: *mut c_void,
    count: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: see `data`.
    let (_, inner, real) = unsafe { shim(file) };
    match inner.faults().read {
        Some(_) => ffi::SQLITE_IOERR_READ,
        None => below!(real, xRead, to, count, offset),
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    count: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: see `data`; `from` has `count` bytes.
    let (about, inner, real) = unsafe { shim(file) };
    let Some(id) = about.file else { return below!(real, xWrite, from, count, offset) };
    let mut length = 0;
    let code = below!(real, xFileSize, &mut length);
    if code != ffi::SQLITE_OK {
        return code;
    }
    let (fits, error) = inner.admit(length as u64, offset as u64, count as usize);
    if fits > 0 {
        // SAFETY: as above, and `fits` is `count` at most.
        let bytes = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), fits) };
        let event = Event::Write { file: id, offset: offset as u64, bytes: bytes.to_vec() };
        let done = inner.remember(event, || outcome(below!(real, xWrite, from, fits as c_int, offset)));
        if let Err(code) = done {
            return code;
        }
    }
    error.map_or(ffi::SQLITE_OK, write_code)
}

fn outcome(code: c_int) -> Result<(), c_int> {
    if code == ffi::SQLITE_OK { Ok(()) } else { Err(code) }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, length: ffi::sqlite3_int64) -> c_int {
    // SAFETY: see `data`.
    let (about, inner, real) = unsafe { shim(file) };
    let Some(id) = about.file else { return below!(real, xTruncate, length) };
    if inner.faults().write.is_some() {
        return ffi::SQLITE_IOERR_TRUNCATE;
    }
    let event = Event::SetLen { file: id, length: length as u64 };
    inner.remember(event, || outcome(below!(real, xTruncate, length))).err().unwrap_or(ffi::SQLITE_OK)
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: see `data`. The file below is not synced: that a test's folder survives a power cut is nobody's wish.
    let (about, inner, _) = unsafe { shim(file) };
    match about.file.map_or(Ok(()), |id| inner.sync(id, about.folder)) {
        Ok(()) => {
            // SAFETY: as above; SQLite calls no two methods of a file at once.
            unsafe { (*file.cast::<Shim>()).folder = false };
            ffi::SQLITE_OK
        }
        Err(_) => ffi::SQLITE_IOERR_FSYNC,
    }
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: see `data`.
    below!(unsafe { shim(file) }.2, xFileSize, size)
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: see `data`.
    below!(unsafe { shim(file) }.2, xLock, level)
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: see `data`.
    below!(unsafe { shim(file) }.2, xUnlock, level)
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: see `data`.
    below!(unsafe { shim(file) }.2, xCheckReservedLock, out)
}

unsafe extern "C" fn file_control(file: *mut ffi::sqlite3_file, code: c_int, argument: *mut c_void) -> c_int {
    // These two make room for what was not written yet, past us.
    if matches!(code, ffi::SQLITE_FCNTL_SIZE_HINT | ffi::SQLITE_FCNTL_CHUNK_SIZE) {
        return ffi::SQLITE_NOTFOUND;
    }
    // SAFETY: see `data`.
    below!(unsafe { shim(file) }.2, xFileControl, code, argument)
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: see `data`.
    below!(unsafe { shim(file) }.2, xSectorSize)
}

unsafe extern "C" fn device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: see `data`.
    below!(unsafe { shim(file) }.2, xDeviceCharacteristics)
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    page: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: see `data`.
    below!(unsafe { shim(file) }.2, xShmMap, page, size, extend, out)
}

unsafe extern "C" fn shm_lock(file: *mut ffi::sqlite3_file, offset: c_int, n: c_int, flags: c_int) -> c_int {
    // SAFETY: see `data`.
    below!(unsafe { shim(file) }.2, xShmLock, offset, n, flags)
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    // SAFETY: see `data`.
    below!(unsafe { shim(file) }.2, xShmBarrier)
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    // SAFETY: see `data`.
    below!(unsafe { shim(file) }.2, xShmUnmap, delete)
}
