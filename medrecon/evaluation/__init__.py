"""How good an image is: metrics, foreground, protocols, references. One way to measure, everywhere."""
