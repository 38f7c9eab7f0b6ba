"""Files and pictures made of a slide's regions and answers, drawn and written on a worker."""
