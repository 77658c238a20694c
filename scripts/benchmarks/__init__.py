"""Speed and memory of hf_lmcourse, compared with what one writes with public libraries."""
