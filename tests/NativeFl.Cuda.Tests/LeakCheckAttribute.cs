using NUnit.Framework.Interfaces;

[assembly: NativeFl.Cuda.Tests.LeakCheck]

namespace NativeFl.Cuda.Tests;

/// <summary>
/// Before and after every test the emulator counts as alive just what the backend of the test's fixture says that it holds, and nothing where
/// there is no such backend: no test leaves bytes, native objects or a backend behind, nor does the end of a fixture. A shared backend
/// may hold more kernels, plans and graphs than before, but no more tensors. A GPU counts nothing, so there the tensors are all that is compared.
/// </summary>
[AttributeUsage(AttributeTargets.Assembly)]
internal sealed class LeakCheckAttribute : Attribute, ITestAction
{
    private (long Bytes, int Handles) _known;
    private long _tensors;

    public ActionTargets Targets => ActionTargets.Test;

    public void BeforeTest(ITest test)
    {
        if (TestDevice.Options is null) return;
        _tensors = SharedBy(test)?.AllocatedBytes ?? 0;
        RequireNothingElse(test, "an earlier fixture left this");
    }

    public void AfterTest(ITest test)
    {
        if (TestDevice.Options is null) return;
        long tensors = SharedBy(test)?.AllocatedBytes ?? 0;
        Assert.That(tensors, Is.EqualTo(_tensors), "bytes of tensors");
        RequireNothingElse(test, "the test left this");
    }

    // What has been reported once is not reported again by every test that follows.
    private void RequireNothingElse(ITest test, string message)
    {
        if (!TestDevice.IsEmulator) return;
        (ulong bytes, int handles) = Emulator.Alive();
        (long Bytes, int Handles) known = _known, held = SharedBy(test)?.Handles is { } count ? (count.Bytes, count.Alive) : (0, 0);
        _known = ((long)bytes - held.Bytes, handles - held.Handles);
        Assert.That(_known, Is.EqualTo(known), message);
    }

    private static CudaBackend? SharedBy(ITest test) => (test.Fixture as ISharesBackend)?.Shared;
}
