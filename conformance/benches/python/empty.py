"""A program that does nothing: what a start costs by itself."""
import bench

bench.mark("first")
bench.leave()
