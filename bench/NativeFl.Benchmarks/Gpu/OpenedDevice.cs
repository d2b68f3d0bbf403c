using NativeFl.Tensors;

namespace NativeFl.Benchmarks.Gpu;

/// <summary>
/// The device of the benchmarks in this folder. BenchmarkDotNet makes its classes itself, so what <c>gpu-kernels</c> was told travels in the
/// application context; without it, it is the first GPU.
/// </summary>
internal sealed class OpenedDevice : IDisposable
{
    private const string WordsKey = "NativeFl.Benchmarks.GpuWords";

    public OpenedDevice()
    {
        Backend = Arguments.Open();
        Operands = new DeviceOperands(Backend);
    }

    /// <summary>The flags of <c>gpu-kernels</c>.</summary>
    public static GpuArguments Arguments => new((string[]?)AppContext.GetData(WordsKey) ?? [], "--tiny", "--filter");

    /// <summary>Whether operands are small, to try the program where there is no GPU.</summary>
    public static bool IsTiny => Arguments.Has("--tiny");

    public Backend Backend { get; }

    public DeviceOperands Operands { get; }

    public static void Keep(string[] words) => AppContext.SetData(WordsKey, words);

    public void Dispose()
    {
        Operands.Dispose();
        Backend.Dispose();
    }
}
