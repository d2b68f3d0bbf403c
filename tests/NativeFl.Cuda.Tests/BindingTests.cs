using System.Reflection;
using NativeFl.Cuda.Interop;

namespace NativeFl.Cuda.Tests;

/// <summary>What is bound is what is looked for when a library is opened, so that no call later on meets one that is missing.</summary>
internal sealed class BindingTests
{
    [Test]
    public void Every_bound_function_is_looked_for()
    {
        Assert.Multiple(() =>
        {
            Assert.That(CudaDriver.Functions, Is.EquivalentTo(Bound(typeof(CudaDriver))));
            Assert.That(Nvrtc.Functions, Is.EquivalentTo(Bound(typeof(Nvrtc))));
            Assert.That(CublasLt.Functions, Is.EquivalentTo(Bound(typeof(CublasLt))));
        });
    }

    private static IEnumerable<string> Bound(Type library) =>
        library.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.DeclaredOnly).Where(method => !method.IsSpecialName).Select(method => method.Name);
}
