"""The engines that decode, PyAV and GStreamer: programs that may be killed."""
