"""What is in prepared data: quality, scores, copies, groups, neighbours; as a page, as files, for FiftyOne."""
