//! The requirement table: `write` makes REQUIREMENTS.md anew, `check LOG` holds every rule against what `cargo test`
//! printed into LOG.

use std::path::Path;
use std::process::ExitCode;

use conformance::requirements::{self, Results, Rules};

fn run(arguments: &[String]) -> Result<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rules = Rules::load(&folder.join("requirements"))?;
    let marks = requirements::marks(folder.parent().ok_or("no root")?)?;
    let mut faults = requirements::faults(&rules, &marks);
    match arguments {
        [verb] if verb == "write" => {
            let page = requirements::page(&rules, &marks);
            std::fs::write(folder.join("REQUIREMENTS.md"), page).map_err(|error| error.to_string())?;
        }
        [verb, log] if verb == "check" => {
            let log = std::fs::read_to_string(log).map_err(|error| format!("{log}: {error}"))?;
            let results = Results::read(&log);
            println!("{} tests ran", results.count());
            faults.extend(requirements::unproved(&marks, &results));
        }
        _ => return Err("usage: requirements write | requirements check LOG".to_owned()),
    }
    match faults.is_empty() {
        true => Ok(format!("{} rules, {} marks of tests: no fault", rules.rules.len(), marks.len())),
        false => Err(faults.join("\n")),
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(done) => {
            println!("{done}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
