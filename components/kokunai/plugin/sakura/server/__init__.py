"""`kokunai:sakura:Server`: a server with its disks and network interfaces."""
