//! `dsmrd ports`: the serial ports of this machine, and which one sends telegrams.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dsmrd::exit;
use dsmrd::source::ports::{Port, list};
use dsmrd::source::probe::{Heard, probe};

use super::Outcome;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Ports to look at instead of all of this machine
    #[arg(value_name = "PORT")]
    paths: Vec<PathBuf>,

    /// Only list the ports, do not listen on them
    #[arg(long)]
    no_probe: bool,

    /// How long to listen at each line setting; meters of DSMR 4 and before send every 10 s
    #[arg(long, value_name = "N", default_value_t = 11, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,

    /// The root of the file system that is looked at
    #[arg(long, hide = true, value_name = "FOLDER", default_value = "/")]
    root: PathBuf,
}

pub(super) fn run(args: &Args) -> Outcome {
    let ports = if args.paths.is_empty() { list(&args.root) } else { named(&args.paths, &args.root) };
    let mut out = std::io::stdout().lock();
    if ports.is_empty() {
        writeln!(
            out,
            "No serial ports found. Is the P1 cable plugged in? `dmesg | tail` tells what the system saw; in a \
             container or virtual machine the port has to be handed in."
        )?;
        return Ok(exit::FAILURE);
    }
    if args.no_probe {
        for port in &ports {
            write!(out, "{}", describe(port))?;
        }
        return Ok(exit::OK);
    }
    let longest = args.seconds * 4;
    complain!("dsmrd: listening on {} port(s) for up to {longest} s …", ports.len());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let heard = runtime.block_on(listen(&ports, Duration::from_secs(args.seconds)));
    let mut speaking = Vec::new();
    for (port, heard) in ports.iter().zip(&heard) {
        writeln!(out, "{}    {heard}", describe(port))?;
        if heard.is_p1() {
            speaking.push((port.best_name(), matches!(heard, Heard::Encrypted { .. })));
        }
    }
    for (name, encrypted) in &speaking {
        writeln!(
            out,
            "\nFor the configuration:\n\n[[meter]]\nname = \"home\"\nsource = \"{}\"",
            name.display()
        )?;
        if *encrypted {
            writeln!(out, "key_file = \"/etc/dsmrd/meter.key\"")?;
        }
    }
    Ok(if speaking.is_empty() { exit::FAILURE } else { exit::OK })
}

/// Ports given by any of their names, with what is known of them.
fn named(paths: &[PathBuf], root: &Path) -> Vec<Port> {
    let known = list(root);
    let same =
        |a: &Path, b: &Path| a == b || a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b));
    paths
        .iter()
        .map(|path| {
            known.iter().find(|port| same(&port.device, path)).cloned().unwrap_or_else(|| Port {
                device: path.clone(),
                stable: Vec::new(),
                product: None,
                denied: None,
            })
        })
        .collect()
}

/// Listens on all of them at once: a meter may need ten seconds to say something.
async fn listen(ports: &[Port], each: Duration) -> Vec<Heard> {
    let tasks: Vec<_> = ports
        .iter()
        .map(|port| {
            let path = port.device.clone();
            tokio::spawn(async move { probe(&path, each).await })
        })
        .collect();
    let mut heard = Vec::with_capacity(tasks.len());
    for task in tasks {
        heard.push(task.await.unwrap_or_else(|error| Heard::Failed(error.to_string())));
    }
    heard
}

fn describe(port: &Port) -> String {
    let mut text = format!("{}\n", port.best_name().display());
    let others = port.stable.iter().skip(1).chain((!port.stable.is_empty()).then_some(&port.device));
    for name in others {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "    also {}", name.display());
    }
    for line in port.product.iter().chain(&port.denied) {
        let _ = writeln!(text, "    {line}");
    }
    text
}
