using System.Runtime.InteropServices;
using NativeFl.Cuda.Interop;
using NativeFl.Cuda.Streams;
using NativeFl.Tensors;

namespace NativeFl.Cuda;

// What launchers are made of: check, pick the geometry, fill the argument block, launch.
public sealed unsafe partial class CudaBackend
{
    private const long WorkspaceBytes = 64L << 20;

    private readonly BlockHandle _workspace;

    /// <inheritdoc/>
    public override void Replay(Action step)
    {
        Enter();
        _queue.Replay(step);
    }

    /// <summary>Told the name of every command from now on: what a pass is made of.</summary>
    internal Action<string>? Journal
    {
        set => _queue.Journal = value;
    }

    /// <summary>Graphs that <see cref="Replay"/> has made and kept.</summary>
    internal int Graphs => _queue.Graphs;

    /// <summary>The entry point of an op for a storage type: "swiglu_forward" and bf16 give "swiglu_forward_bf16".</summary>
    private static string Typed(string entry, DType type) => type switch
    {
        DType.F32 => entry + "_f32",
        DType.BF16 => entry + "_bf16",
        _ => throw new ArgumentException($"{entry}: expected F32 or BF16, got {type}", nameof(type)),
    };

    /// <summary>
    /// Enqueues kernels/<paramref name="file"/>.cu's <paramref name="entry"/>. The argument struct has the kernel's parameters in order,
    /// naturally aligned. An empty grid is nothing to do.
    /// </summary>
    private void Launch<TArguments>(string file, string entry, LaunchShape shape, in TArguments arguments)
        where TArguments : unmanaged
    {
        if (shape.X == 0 || shape.Y == 0 || shape.Z == 0) return;
        Enter();
        _queue.Launch(_kernels[file][entry], shape, MemoryMarshal.AsBytes(new ReadOnlySpan<TArguments>(in arguments)));
    }

    /// <summary>A small list on the device, good for what the running op enqueues; an op stages at most 4 MiB in all.</summary>
    private nint Stage<T>(ReadOnlySpan<T> items)
        where T : unmanaged
    {
        Enter();
        return _queue.Stage(MemoryMarshal.AsBytes(items));
    }

    /// <summary>
    /// Scratch of the running op, never more than <see cref="WorkspaceBytes"/>, with whatever the last op left in it. There is one block:
    /// an op asks once, for the sum of what it needs, and calls no other op that asks while it still needs its own.
    /// </summary>
    private nint Workspace(long bytes)
    {
        if (bytes > WorkspaceBytes) throw new ArgumentOutOfRangeException(nameof(bytes), $"expected at most {WorkspaceBytes} bytes, got {bytes}");
        return _workspace.Value;
    }
}
