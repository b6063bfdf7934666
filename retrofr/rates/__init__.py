"""Error rates from scores alone: no net, no picture. Terms and definitions follow ISO/IEC 19795-1."""
