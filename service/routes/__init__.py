"""What answers which path; each module makes one router."""
