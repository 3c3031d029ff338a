"""Event trace log files (.etl) of Windows, read on any system."""
