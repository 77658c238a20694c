"""The connection to the Hugging Face Hub: requests that end, downloads, and causes of errors."""
