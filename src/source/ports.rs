//! The serial ports of this machine, read from `/dev` and `/sys` as files.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::access;

/// A serial port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its device, `/dev/ttyUSB0`.
    pub device: PathBuf,
    /// Other names that stay the same when cables are moved, the best first: by the cable's serial number, by
    /// the socket it is in, by a name of the system's.
    pub stable: Vec<PathBuf>,
    /// What the cable says it is.
    pub product: Option<String>,
    /// Why this user cannot open it.
    pub denied: Option<String>,
}

impl Port {
    /// The name to put into the configuration.
    pub fn best_name(&self) -> &Path {
        self.stable.first().unwrap_or(&self.device)
    }
}

/// Kinds of ports that a P1 cable can be on. (`ttyS` of a machine without such a chip is left out.)
const KINDS: [&str; 5] = ["ttyUSB", "ttyACM", "ttyAMA", "ttyS", "ttymxc"];

/// Lists the ports below `root`, which is `/` but for tests, in the order of their names.
pub fn list(root: &Path) -> Vec<Port> {
    let names = stable_names(root);
    let Ok(devices) = root.join("dev").read_dir() else { return Vec::new() };
    let mut found: Vec<(String, u32)> = devices
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            let kind = KINDS.iter().find(|kind| name.starts_with(**kind))?;
            let number = name[kind.len()..].parse().ok()?;
            (!kind.eq(&"ttyS") || is_a_real_uart(root, &name)).then_some((name, number))
        })
        .collect();
    found.sort_by(|(a, x), (b, y)| (kind_of(a), x).cmp(&(kind_of(b), y)));
    found
        .into_iter()
        .map(|(name, _)| {
            let device = root.join("dev").join(&name);
            Port {
                stable: names.get(&name).cloned().unwrap_or_default(),
                product: product(root, &name),
                denied: denied(root, &device),
                device,
            }
        })
        .collect()
}

fn kind_of(name: &str) -> &str {
    name.trim_end_matches(|c: char| c.is_ascii_digit())
}

/// The kernel makes nodes for ports that may be there; those without a chip have the type 0.
fn is_a_real_uart(root: &Path, name: &str) -> bool {
    let kind = fs::read_to_string(root.join("sys/class/tty").join(name).join("type"));
    kind.is_ok_and(|kind| kind.trim() != "0")
}

/// Of each device the links that lead to it.
fn stable_names(root: &Path) -> BTreeMap<String, Vec<PathBuf>> {
    let dev = root.join("dev");
    let mut names = BTreeMap::<String, Vec<PathBuf>>::new();
    for folder in [dev.join("serial/by-id"), dev.join("serial/by-path"), dev] {
        let Ok(entries) = folder.read_dir() else { continue };
        let mut links: Vec<PathBuf> = entries
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_symlink()))
            .map(|entry| entry.path())
            .collect();
        links.sort();
        for link in links {
            let target = link.canonicalize().ok();
            if let Some(name) = target.as_deref().and_then(Path::file_name).and_then(OsStr::to_str) {
                names.entry(name.to_owned()).or_default().push(link);
            }
        }
    }
    names
}

/// The names that a USB device gives itself, from the nearest folder above the port's that has them.
fn product(root: &Path, name: &str) -> Option<String> {
    let class = root.join("sys/class/tty").join(name).join("device");
    let device = class.canonicalize().ok()?;
    let text = |folder: &Path, file: &str| {
        let text = fs::read_to_string(folder.join(file)).ok()?;
        (!text.trim().is_empty()).then(|| text.trim().to_owned())
    };
    let top = root.canonicalize().ok()?;
    let folder =
        device.ancestors().take_while(|folder| *folder != top).find(|at| at.join("idProduct").exists());
    let Some(folder) = folder else {
        let driver = class.join("driver").canonicalize().ok()?;
        return driver.file_name().map(|driver| format!("built in ({})", driver.to_string_lossy()));
    };
    let product = match (text(folder, "manufacturer"), text(folder, "product")) {
        (Some(maker), Some(product)) if !product.starts_with(&maker) => format!("{maker} {product}"),
        (_, Some(product)) => product,
        (maker, None) => maker.unwrap_or_else(|| "USB".to_owned()),
    };
    let ids = text(folder, "idVendor").zip(text(folder, "idProduct")).map(|(v, p)| format!("{v}:{p}"));
    let serial = text(folder, "serial").map(|serial| format!("serial {serial}"));
    let details: Vec<String> = ids.into_iter().chain(serial).collect();
    Some(if details.is_empty() { product } else { format!("{product} ({})", details.join(", ")) })
}

fn denied(root: &Path, device: &Path) -> Option<String> {
    let path = CString::new(device.as_os_str().as_bytes()).ok()?;
    // SAFETY: the path is a terminated string that lives over the call.
    let result = unsafe { libc::access(path.as_ptr(), libc::R_OK | libc::W_OK) };
    (result != 0)
        .then(|| format!("no permission; {}", access::advice(device, &root.join("etc"), access::user())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn machine() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        let put = |path: &str, text: &str| {
            fs::create_dir_all(at(path).parent().unwrap()).unwrap();
            fs::write(at(path), text).unwrap();
        };
        for name in ["ttyUSB10", "ttyUSB2", "ttyACM0", "ttyS0", "ttyS1", "tty7", "ttyUSBx", "random"] {
            put(&format!("dev/{name}"), "");
        }
        put("sys/class/tty/ttyS0/type", "4\n");
        put("sys/class/tty/ttyS1/type", "0\n");
        let usb = "sys/devices/pci0/usb1/1-2";
        put(&format!("{usb}/idVendor"), "0403\n");
        put(&format!("{usb}/idProduct"), "6001\n");
        put(&format!("{usb}/manufacturer"), "FTDI\n");
        put(&format!("{usb}/product"), "P1 Converter Cable\n");
        put(&format!("{usb}/serial"), "P1ABC\n");
        fs::create_dir_all(at(usb).join("1-2:1.0/ttyUSB2")).unwrap();
        fs::create_dir_all(at("sys/class/tty/ttyUSB2")).unwrap();
        symlink(at(usb).join("1-2:1.0/ttyUSB2"), at("sys/class/tty/ttyUSB2/device")).unwrap();
        for link in ["dev/serial/by-path/pci-0-port0", "dev/serial/by-id/usb-FTDI_P1-if00-port0", "dev/p1"] {
            fs::create_dir_all(at(link).parent().unwrap()).unwrap();
            symlink(at("dev/ttyUSB2"), at(link)).unwrap();
        }
        root
    }

    #[test]
    fn ports_come_with_their_stable_names_and_products() {
        let root = machine();
        let ports = list(root.path());
        let names: Vec<_> =
            ports.iter().map(|port| port.device.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["ttyACM0", "ttyS0", "ttyUSB2", "ttyUSB10"]);
        let cable = &ports[2];
        assert_eq!(cable.product.as_deref(), Some("FTDI P1 Converter Cable (0403:6001, serial P1ABC)"));
        assert_eq!(cable.best_name(), root.path().join("dev/serial/by-id/usb-FTDI_P1-if00-port0"));
        assert_eq!(cable.stable.len(), 3);
        assert_eq!(cable.denied, None);
        assert_eq!(ports[0].best_name(), ports[0].device);
        assert_eq!(ports[0].product, None);
    }

    #[test]
    fn a_machine_without_ports_has_none() {
        assert_eq!(list(Path::new("/nowhere")), []);
        assert_eq!(list(tempfile::tempdir().unwrap().path()), []);
    }
}
