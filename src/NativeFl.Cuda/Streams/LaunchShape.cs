namespace NativeFl.Cuda.Streams;

/// <summary>The geometry of one launch: X × Y × Z blocks of so many threads, each block with so much dynamic shared memory.</summary>
internal readonly record struct LaunchShape(int X, int Y, int Z, int Threads, int SharedBytes = 0);
