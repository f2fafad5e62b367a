"""What is done to pictures: filters by Pillow, OpenCV and on GPUs, and the detection of objects."""
