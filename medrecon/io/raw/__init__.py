"""From readouts to a `Scan`, whatever the scanner's format: what ISMRMRD, Siemens twix and BART files share."""
