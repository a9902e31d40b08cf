"""Where rows come from: files of a format, frames, arrays."""
