using NativeFl.Tensors;

namespace NativeFl.Cuda;

/// <summary>A call to the CUDA driver, NVRTC or cuBLASLt that failed: which one, with what status, and the library's own text.</summary>
public sealed class CudaException : NativeFlException
{
    internal CudaException(string operation, int status, string deviceText)
        : base($"cuda: {operation}: {deviceText}")
    {
        Operation = operation;
        Status = status;
        DeviceText = deviceText;
    }

    /// <summary>What was attempted, such as "cuMemAlloc" or "compile rms_norm.cu for sm_90".</summary>
    public string Operation { get; }

    /// <summary>The library's status code.</summary>
    public int Status { get; }

    /// <summary>What the library says about it.</summary>
    public string DeviceText { get; }
}
