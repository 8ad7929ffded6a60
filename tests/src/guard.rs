//! Memory between two pages that nobody may touch: one element too far, either way, and the process dies.

use deltarule_kernels::Element;
use std::marker::PhantomData;

/// Which end of the memory lies against a guard page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    /// The first element: reads and writes before it are caught.
    Front,
    /// The last element: reads and writes past it are caught.
    Back,
}

/// `len` elements, one end of them against a page without any permission.
#[derive(Debug)]
pub struct Guarded<T> {
    map: *mut u8,
    bytes: usize,
    first: *mut T,
    len: usize,
    element: PhantomData<T>,
}

impl<T: Element> Guarded<T> {
    /// Elements given by `value`, with no room to spare at the end that is `against` a guard page.
    ///
    /// # Panics
    /// The system refuses the memory.
    pub fn new(len: usize, against: Against, mut value: impl FnMut(usize) -> T) -> Self {
        // SAFETY: asks for a number.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
        let inner = (len * size_of::<T>()).next_multiple_of(page).max(page);
        let bytes = inner + 2 * page;
        let (protection, flags) = (libc::PROT_NONE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping at an address of the system's choice touches no memory that exists.
        let map = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, -1, 0) };
        assert_ne!(map, libc::MAP_FAILED, "mmap of {bytes} bytes");
        let map = map.cast::<u8>();
        let open = map.wrapping_add(page);
        // SAFETY: these pages lie inside the mapping.
        let opened = unsafe { libc::mprotect(open.cast(), inner, libc::PROT_READ | libc::PROT_WRITE) };
        assert_eq!(opened, 0, "mprotect");
        let skip = if against == Against::Front { 0 } else { inner - len * size_of::<T>() };
        let first = open.wrapping_add(skip).cast::<T>();
        for at in 0..len {
            // SAFETY: inside the open pages; a page is a multiple of the element's size, so it is aligned.
            unsafe { first.wrapping_add(at).write(value(at)) };
        }
        Self { map, bytes, first, len, element: PhantomData }
    }

    /// The elements.
    pub fn slice(&self) -> &[T] {
        // SAFETY: `len` elements were written from `first` on.
        unsafe { std::slice::from_raw_parts(self.first, self.len) }
    }

    /// The elements, to write.
    pub fn slice_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `slice`, borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.first, self.len) }
    }
}

impl<T> Drop for Guarded<T> {
    fn drop(&mut self) {
        // SAFETY: the mapping made by `new`, unmapped once.
        unsafe { libc::munmap(self.map.cast(), self.bytes) };
    }
}
