"""What CT networks are trained on: packs, and pairs of low and full dose."""
