namespace NativeFl.Cuda.Kernels;

/// <summary>The text of one file of device code.</summary>
/// <param name="Path">Such as "kernels/rms_norm.cu" or "kernels/device/load.cuh".</param>
/// <param name="Text">UTF-8.</param>
internal sealed record KernelSource(string Path, byte[] Text)
{
    /// <summary>The name without folders and ending: what launchers call the file.</summary>
    public string Name => System.IO.Path.GetFileNameWithoutExtension(Path);
}
