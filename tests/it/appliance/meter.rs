//! A meter on a real pseudo-terminal, and the telegrams it sends.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// The master side of a pseudo-terminal, and a link to the slave under a name that stays.
pub(crate) struct Meter {
    master: File,
    _slave: OwnedFd,
    link: PathBuf,
}

impl Meter {
    /// Opens a pseudo-terminal and links it at `link`, as udev does for a cable.
    pub(crate) fn plug_in(link: &Path) -> Self {
        let (mut master, mut slave) = (0, 0);
        let mut name = [0; 64];
        // SAFETY: all pointers are to live variables of the size openpty expects; the two descriptors are ours.
        let (master, slave) = unsafe {
            let (mode, size) = (std::ptr::null(), std::ptr::null());
            assert_eq!(libc::openpty(&raw mut master, &raw mut slave, name.as_mut_ptr(), mode, size), 0);
            let mut mode = std::mem::zeroed();
            assert_eq!(libc::tcgetattr(slave, &raw mut mode), 0);
            libc::cfmakeraw(&raw mut mode);
            assert_eq!(libc::tcsetattr(slave, libc::TCSANOW, &raw const mode), 0);
            (File::from(OwnedFd::from_raw_fd(master)), OwnedFd::from_raw_fd(slave))
        };
        let name: Vec<u8> = name.iter().take_while(|&&c| c != 0).map(|&c| c as u8).collect();
        let _ = std::fs::remove_file(link);
        std::os::unix::fs::symlink(String::from_utf8(name).expect("a path"), link).expect("a link");
        Self { master, _slave: slave, link: link.to_owned() }
    }

    /// What was written to the other end, as far as one read gives it.
    pub(crate) fn hear(&mut self) -> String {
        let mut buffer = [0; 4096];
        let bytes = self.master.read(&mut buffer).expect("the pty gives it");
        String::from_utf8_lossy(&buffer[..bytes]).into_owned()
    }

    /// Sends bytes.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.master.write_all(bytes).expect("the pty takes it");
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.link);
    }
}

/// A DSMR 5 telegram of second `n` of the test: its clock, its first register (100 kWh and `n` Wh) and its power (`n` W) follow from `n`.
pub(crate) fn telegram(n: u64) -> Vec<u8> {
    let (h, m, s) = (10 + n / 3600, n / 60 % 60, n % 60);
    let text = format!(
        "/ISK5\\2M550T-1012\r\n\r\n1-3:0.2.8(50)\r\n0-0:1.0.0(261121{h:02}{m:02}{s:02}W)\r\n\
         0-0:96.1.1(4530303434303037303030303030313139)\r\n1-0:1.8.1({:06}.{:03}*kWh)\r\n\
         1-0:1.8.2(000200.000*kWh)\r\n1-0:2.8.1(000000.000*kWh)\r\n1-0:2.8.2(000000.000*kWh)\r\n\
         0-0:96.14.0(0002)\r\n1-0:1.7.0({:02}.{:03}*kW)\r\n1-0:2.7.0(00.000*kW)\r\n\
         1-0:32.7.0(230.1*V)\r\n1-0:31.7.0(002*A)\r\n0-1:24.1.0(003)\r\n\
         0-1:96.1.0(4730303339303031383233303431323139)\r\n0-1:24.2.1(261121100000W)(01234.567*m3)\r\n!",
        (100_000 + n) / 1000,
        n % 1000,
        n / 1000 % 100,
        n % 1000
    );
    sealed(&text)
}

/// The telegram of the text up to its `!`, with its CRC.
pub(crate) fn sealed(text: &str) -> Vec<u8> {
    let crc = text.bytes().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xA001 } else { crc >> 1 })
    });
    format!("{text}{crc:04X}\r\n").into_bytes()
}

/// As [`telegram`], of the meter with another equipment identifier.
pub(crate) fn telegram_of(id: &str, n: u64) -> Vec<u8> {
    let hex: String = id.bytes().map(|byte| format!("{byte:02X}")).collect();
    let text = String::from_utf8(telegram(n)).expect("ASCII");
    let (text, _) = text.split_once('!').expect("an end mark");
    sealed(&(text.replace("4530303434303037303030303030313139", &hex) + "!"))
}
